-- Which terminals may enrol and change people, where that differs from the fleet.

ALTER TABLE device ADD COLUMN enrolment VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin; -- accept, hold or refuse; NULL: as the fleet has it
