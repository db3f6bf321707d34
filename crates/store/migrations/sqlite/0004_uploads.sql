-- What devices upload beside people.
--
-- Each row is there once, however often a device sends it: its digest is a keyed hash of what makes it the same. What is
-- personal beyond a PIN is sealed.

-- Who identified at a device, and when: see docs/attendance.md.
CREATE TABLE attendance (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    digest BLOB NOT NULL,               -- of pin, time, status and verification
    pin TEXT NOT NULL,                  -- as sent, of anybody; '' a stranger
    at_text TEXT NOT NULL,              -- the device's local time as sent, YYYY-MM-DD HH:MM:SS
    time_zone TEXT NOT NULL,            -- of the device when the record came: IANA name, or an offset
    status INTEGER,                     -- any number; NULL not sent
    verify INTEGER,                     -- any number; NULL not sent
    work_code TEXT NOT NULL,            -- '' none
    mask INTEGER,                       -- 1 worn
    temperature TEXT,                   -- as sent
    converted_temperature TEXT,         -- as sent
    time_offset_s INTEGER,              -- of the device's clock from UTC, as sent
    reads_cards INTEGER NOT NULL,       -- 1: the eighth column is an identity card whatever it looks like
    sealed BLOB NOT NULL,               -- the line as it came
    received_at INTEGER NOT NULL,
    PRIMARY KEY (device_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX attendance_time ON attendance (at_text, device_id, digest);
CREATE INDEX attendance_pin ON attendance (pin, at_text);
CREATE INDEX attendance_received ON attendance (received_at);

-- Pictures of them.
CREATE TABLE attendance_photo (
    photo_id INTEGER NOT NULL PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    digest BLOB NOT NULL,               -- of name and picture
    pin TEXT NOT NULL,                  -- '' nobody was recognised, or the name does not tell
    at_text TEXT,                       -- the device's local time by its name; NULL it does not tell
    photo_type INTEGER,                 -- 0 to 4, see §11.3; NULL an ordinary one
    bytes INTEGER NOT NULL,             -- length of the picture
    doubtful INTEGER NOT NULL,          -- 1: not of the announced size, or no JPEG
    sealed BLOB NOT NULL,               -- file name, NUL, picture
    received_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX attendance_photo_digest ON attendance_photo (device_id, digest);
CREATE INDEX attendance_photo_time ON attendance_photo (at_text);
CREATE INDEX attendance_photo_received ON attendance_photo (received_at);

-- Identity cards, errors, work codes, messages, and what a device asks for the verification of somebody.
CREATE TABLE device_record (
    record_id INTEGER NOT NULL PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    digest BLOB NOT NULL,               -- of kind and record
    kind TEXT NOT NULL,                 -- id-card, error, work-code, message, verification
    pin TEXT,                           -- of an identity card, where it belongs to a user
    sealed BLOB NOT NULL,               -- the record as it came
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times_seen INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX device_record_digest ON device_record (device_id, digest);
CREATE INDEX device_record_kind ON device_record (kind, last_at);

-- Users that were given to a device for one punch (§14): it forgets them by itself, which is no deletion.
CREATE TABLE remote_user (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    pin TEXT NOT NULL,
    given_at INTEGER NOT NULL,
    PRIMARY KEY (device_id, pin)
) STRICT, WITHOUT ROWID;
CREATE INDEX remote_user_given ON remote_user (given_at);
