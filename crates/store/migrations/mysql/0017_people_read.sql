-- When the people of a terminal were last read, so that a silent change is found. `rereads` may be 2 from now on: one query asks
-- for its people alone.

ALTER TABLE device ADD COLUMN people_checked_at BIGINT;  -- when the routine check last had its turn with it, or a reading of its people began
ALTER TABLE device ADD COLUMN people_read_at BIGINT;     -- when it last showed all its people
ALTER TABLE device ADD COLUMN unexplained_deletions BIGINT NOT NULL DEFAULT 0;  -- deletions that it reported of people who are still on it, since it was last read
ALTER TABLE device ADD COLUMN spot_checks BIGINT NOT NULL DEFAULT 0;            -- templates that it is still to be asked for as a spot check
