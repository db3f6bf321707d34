-- What a device was told of its time, how its clock goes, and what it was asked to upload again.

ALTER TABLE device ADD COLUMN told_offset_min BIGINT;   -- minutes from UTC that it was last told
ALTER TABLE device ADD COLUMN asked_offset_min BIGINT;  -- offset for which it was asked to come, since that of its zone changed; NULL none
ALTER TABLE device ADD COLUMN clock_drift_s BIGINT;     -- seconds its clock was ahead of the time of its zone; below 0 behind
ALTER TABLE device ADD COLUMN clock_seen_at BIGINT;     -- when that was seen
ALTER TABLE device ADD COLUMN comm_key_digest VARBINARY(16); -- keyed hash of the key that it showed first; NULL it showed none

-- `reread` is 1 while a table is to be asked for again, 2 once the device was told so, 0 once it began.
ALTER TABLE upload_stamp ADD COLUMN asked_at BIGINT;    -- when the table was last asked for again
ALTER TABLE upload_stamp ADD COLUMN begun_at BIGINT;    -- when it began to come
ALTER TABLE upload_stamp ADD COLUMN last_at BIGINT;     -- when the last of it came
ALTER TABLE upload_stamp ADD COLUMN records BIGINT;     -- how many records came

-- The PIN of a user in lower case, where it has letters: no two users may differ in nothing else.
ALTER TABLE item ADD COLUMN pin_folded VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin GENERATED ALWAYS AS (CASE WHEN kind = 0 AND UPPER(pin) <> LOWER(pin) THEN LOWER(pin) END) VIRTUAL;
CREATE INDEX item_folded ON item (pin_folded);
