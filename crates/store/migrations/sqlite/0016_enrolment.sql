-- Which terminals may enrol and change people, where that differs from the fleet.

ALTER TABLE device ADD COLUMN enrolment TEXT;         -- accept, hold or refuse; NULL: as the fleet has it
