-- What devices upload beside people, as in ../sqlite/0004_uploads.sql with the types of MySQL.
-- Each statement finds its work done where it is run again.
--
-- Each row is there once, however often a device sends it: its digest is a keyed hash of what makes it the same. What is
-- personal beyond a PIN is sealed.

-- Who identified at a device, and when: see docs/attendance.md.
CREATE TABLE attendance (
    device_id BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,         -- of pin, time, status and verification
    pin VARCHAR(96) NOT NULL,           -- as sent, of anybody; '' a stranger
    at_text VARCHAR(19) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the device's local time as sent, YYYY-MM-DD HH:MM:SS
    time_zone VARCHAR(96) NOT NULL,     -- of the device when the record came: IANA name, or an offset
    status BIGINT,                      -- any number; NULL not sent
    verify BIGINT,                      -- any number; NULL not sent
    work_code VARCHAR(96) NOT NULL,     -- '' none
    mask BIGINT,                        -- 1 worn
    temperature VARCHAR(96),            -- as sent
    converted_temperature VARCHAR(96),  -- as sent
    time_offset_s BIGINT,               -- of the device's clock from UTC, as sent
    reads_cards BIGINT NOT NULL,        -- 1: the eighth column is an identity card whatever it looks like
    sealed MEDIUMBLOB NOT NULL,         -- the line as it came
    received_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, digest),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX attendance_time ON attendance (at_text, device_id, digest);
CREATE INDEX attendance_pin ON attendance (pin, at_text);
CREATE INDEX attendance_received ON attendance (received_at);

-- Pictures of them.
CREATE TABLE attendance_photo (
    photo_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,         -- of name and picture
    pin VARCHAR(96) NOT NULL,           -- '' nobody was recognised, or the name does not tell
    at_text VARCHAR(19) CHARACTER SET ascii COLLATE ascii_bin, -- the device's local time by its name; NULL it does not tell
    photo_type BIGINT,                  -- 0 to 4, see §11.3; NULL an ordinary one
    bytes BIGINT NOT NULL,              -- length of the picture
    doubtful BIGINT NOT NULL,           -- 1: not of the announced size, or no JPEG
    sealed MEDIUMBLOB NOT NULL,         -- file name, NUL, picture
    received_at BIGINT NOT NULL,
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX attendance_photo_digest ON attendance_photo (device_id, digest);
CREATE INDEX attendance_photo_time ON attendance_photo (at_text);
CREATE INDEX attendance_photo_received ON attendance_photo (received_at);

-- Identity cards, errors, work codes, messages, and what a device asks for the verification of somebody.
CREATE TABLE device_record (
    record_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,         -- of kind and record
    kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- id-card, error, work-code, message, verification
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin, -- of an identity card, where it belongs to a user
    sealed MEDIUMBLOB NOT NULL,         -- the record as it came
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times_seen BIGINT NOT NULL,
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX device_record_digest ON device_record (device_id, digest);
CREATE INDEX device_record_kind ON device_record (kind, last_at);

-- Users that were given to a device for one punch (§14): it forgets them by itself, which is no deletion.
CREATE TABLE remote_user (
    device_id BIGINT NOT NULL,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    given_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, pin),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX remote_user_given ON remote_user (given_at);
