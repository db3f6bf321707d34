-- Every command of the protocol, with what devices answer to it; and files that they are to fetch.
-- Each statement finds its work done where it is run again.

ALTER TABLE operator_command ADD COLUMN answer_ms BIGINT NOT NULL DEFAULT 0; -- so long the device may take to answer at least
ALTER TABLE operator_command ADD COLUMN expires_at BIGINT;      -- not sent any more from then on; NULL: it waits however long
ALTER TABLE operator_command ADD COLUMN failed BIGINT;          -- of one that was answered: 1 the device did not do it
ALTER TABLE operator_command ADD COLUMN sealed_text MEDIUMBLOB;       -- sealed: the command as it goes out, where that is long or may be a secret
ALTER TABLE operator_command ADD COLUMN sealed_content MEDIUMBLOB;    -- sealed: what came with the answer: a file, an output, parameters
UPDATE operator_command SET failed = CASE WHEN return_code < 0 THEN 1 ELSE 0 END WHERE state = 'answered';

-- Files for one device to fetch, under names that nobody can guess, for a while.
CREATE TABLE offered_file (
    token VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- random, in its URL
    device_id BIGINT NOT NULL,
    name TEXT NOT NULL,                -- the last part of its URL
    bytes BIGINT NOT NULL,                -- length of the file
    as_base64 BIGINT NOT NULL,            -- 1: it is served as base64 text
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX offered_file_expires ON offered_file (expires_at);
CREATE TABLE offered_part (
    token VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    part_no BIGINT NOT NULL,              -- from 0; all but the last have the same length
    sealed MEDIUMBLOB NOT NULL,
    expires_at BIGINT NOT NULL,           -- that of the file
    PRIMARY KEY (token, part_no)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX offered_part_expires ON offered_part (expires_at);
