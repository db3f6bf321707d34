-- The first schema, as in ../sqlite/0001_start.sql with the types of MySQL. Conventions of every table:
-- times are milliseconds since 1970-01-01 UTC; truth values are 0 and 1; texts compare by their bytes (_bin, since
-- MySQL's default makes `a1` equal to `A1`);
-- pin, kind, slot and algorithm together are the key of an item: `kind` and `algorithm` are numbers that never change
-- meaning (kind: 0 user, 1 membership, 2 user photo, 3 comparison photo, 100 + biometric type = template; algorithm:
-- format × 10¹⁰ + major × 10⁵ + minor), `slot` is the finger, the biometric type of a photo or the area;
-- what is called `sealed` is encrypted and bound to its place, see docs/decisions/0009-sealing.md.
-- MySQL commits each statement by itself: one that is run a second time must find its work done and fail for that, or
-- change nothing (see crates/store/src/migrate.rs).

-- What the database knows of itself.
CREATE TABLE setting (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY, -- 'key_check': proves that the key at hand is the one the bodies were sealed with
    value TEXT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The counter behind the change feed: one row, locked until commit by whoever takes a number.
CREATE TABLE feed_clock (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    seq BIGINT NOT NULL,                -- the newest number; 0 before the first change
    floor_seq BIGINT NOT NULL,          -- below this number tombstones may be gone
    incarnation BIGINT NOT NULL,        -- rises with every restore from a backup
    wakes BIGINT NOT NULL               -- rises when something else was written that a device's next poll should see
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO feed_clock (id, seq, floor_seq, incarnation, wakes) VALUES (1, 0, 0, 1, 0);

-- One row an item, newest version only: the rows in the order of `seq` are the change feed.
CREATE TABLE item (
    item_id BIGINT NOT NULL PRIMARY KEY, -- the number of its first version; never changes
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    algorithm BIGINT NOT NULL,
    seq BIGINT NOT NULL,                -- number of the newest version
    created_seq BIGINT NOT NULL,        -- number of the version that made it live
    live BIGINT NOT NULL,               -- 0 once deleted: the row stays as a tombstone
    hash BINARY(16) NOT NULL,           -- keyed hash of the newest content, of the last one where deleted; 16 bytes
    body_bytes BIGINT NOT NULL,         -- about how many bytes an update takes on the wire
    body_lines BIGINT NOT NULL,         -- how many command lines an update takes
    changed_at BIGINT NOT NULL,
    changed_by BIGINT,                  -- device whose upload made this version; NULL an operator
    edits BIGINT NOT NULL,              -- brake: how often another device than the one before changed it …
    edits_since BIGINT NOT NULL         -- … since this time
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX item_key ON item (pin, kind, slot, algorithm);
-- A page of the feed is read from this index alone.
CREATE UNIQUE INDEX item_feed ON item (seq, pin, kind, slot, algorithm);
-- The first fill reads users by PIN.
CREATE INDEX item_scan ON item (kind, pin);

-- The content of a live user.
CREATE TABLE user_body (
    item_id BIGINT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    privilege BIGINT NOT NULL,          -- Pri: 0 user, 2 registrar, 6 administrator, 14 super administrator
    password BLOB,                      -- sealed; NULL none
    card TEXT,                          -- decimal number, or the text of a card that is no number; NULL none
    vice_card TEXT,
    group_no BIGINT NOT NULL,
    time_zones TEXT NOT NULL,           -- 16 digits; '' what devices take as their default
    verify_mode BIGINT,                 -- NULL that of the group
    start_at TEXT,                      -- start of validity as written by a device or operator
    end_at TEXT,
    expires BIGINT,                     -- 1 validity enforced, 0 not, NULL not told
    created_at BIGINT NOT NULL,
    FOREIGN KEY (item_id) REFERENCES item (item_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The content of a live template or photo.
CREATE TABLE body (
    item_id BIGINT NOT NULL PRIMARY KEY,
    sealed MEDIUMBLOB NOT NULL,
    FOREIGN KEY (item_id) REFERENCES item (item_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Older versions: to recognise what a device that was away still holds.
CREATE TABLE item_old (
    item_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,                -- number of the old version
    hash BINARY(16) NOT NULL,           -- keyed hash of its content
    sealed MEDIUMBLOB,                  -- of a user: all fields; NULL for anything else and after a deletion
    replaced_seq BIGINT NOT NULL,       -- number of the version that replaced it: who has read that has passed it
    replaced_at BIGINT NOT NULL,
    PRIMARY KEY (item_id, seq),
    FOREIGN KEY (item_id) REFERENCES item (item_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Contents of deleted items, for the days in which a deletion can be undone. Read by nothing else.
CREATE TABLE undo_body (
    item_id BIGINT NOT NULL PRIMARY KEY,
    deletion_seq BIGINT NOT NULL,       -- first number of the deletion: what was deleted together has the same
    sealed MEDIUMBLOB,                  -- NULL for a membership
    deleted_at BIGINT NOT NULL,
    deleted_by BIGINT,                  -- device; NULL an operator
    until_at BIGINT NOT NULL,
    FOREIGN KEY (item_id) REFERENCES item (item_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX undo_until ON undo_body (until_at);

-- Groups of devices and people.
CREATE TABLE area (
    area_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    name VARCHAR(191) NOT NULL UNIQUE
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO area (area_id, name) VALUES (1, 'everyone');

CREATE TABLE device (
    device_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    serial_number VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL UNIQUE,
    name TEXT NOT NULL,                 -- what people call it; '' nothing yet
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- new, active, stale, retired
    joining VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,               -- adopt or replace while it is being taken in
    dialect VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,               -- attendance or access-control where an operator decided; NULL what it says
    capability MEDIUMTEXT NOT NULL,           -- what it can take, as key=value lines
    model TEXT,                         -- copies out of `capability`, for people who read by SQL
    firmware TEXT,
    push_version TEXT,
    cursor_seq BIGINT NOT NULL,         -- every change up to here was read for this device
    scan_pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin, -- the first fill is done up to this PIN, '' before the first; NULL no fill
    next_command BIGINT NOT NULL,       -- number of its next command
    incarnation BIGINT NOT NULL,        -- of the feed when it was last audited
    full_kinds TEXT NOT NULL,           -- kinds it had no room for, numbers separated by commas
    users_count BIGINT,                 -- what it last said it holds; copies out of `capability`
    fingerprints_count BIGINT,
    faces_count BIGINT,
    counts_at BIGINT,
    time_zone TEXT,                     -- IANA name; NULL the server's
    realtime BIGINT,                    -- these: options of the handshake, NULL the server's
    trans_times TEXT,
    trans_interval_min BIGINT,
    trans_flag_format BIGINT,
    delay_s BIGINT,
    error_delay_s BIGINT,
    address TEXT,                       -- where it last came from
    created_at BIGINT NOT NULL,
    approved_at BIGINT,
    last_seen_at BIGINT
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

CREATE TABLE device_area (
    device_id BIGINT NOT NULL,
    area_id BIGINT NOT NULL,
    PRIMARY KEY (device_id, area_id),
    FOREIGN KEY (device_id) REFERENCES device (device_id),
    FOREIGN KEY (area_id) REFERENCES area (area_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- When a device was connected.
CREATE TABLE device_session (
    device_id BIGINT NOT NULL,
    opened_at BIGINT NOT NULL,
    closed_at BIGINT,                   -- NULL while it lasts
    address TEXT,
    ended VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin,                 -- why: silent, restart, retired
    PRIMARY KEY (device_id, opened_at),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What was sent to devices to make them hold an item.
CREATE TABLE sync_command (
    device_id BIGINT NOT NULL,
    command_no BIGINT NOT NULL,
    wire_id VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- its name on the wire, without the characters for the line
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    algorithm BIGINT NOT NULL,
    verb VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- update or delete
    seq BIGINT NOT NULL,                -- the version it was rendered from
    again BIGINT NOT NULL,              -- 1: due again as soon as this is answered
    open BIGINT,                        -- 1 until it is acknowledged, then NULL
    sends BIGINT NOT NULL,
    attempts BIGINT NOT NULL,           -- failures before it
    first_sent_at BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,            -- last time
    due_at BIGINT NOT NULL,             -- goes out again then
    body_lines BIGINT NOT NULL,
    answered BIGINT NOT NULL,           -- bit n: line n is acknowledged
    return_code BIGINT,                 -- of the closing acknowledgement; NULL while open, and where it was given up
    closed_at BIGINT,
    PRIMARY KEY (device_id, command_no),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
-- At most one open command for each device and item.
CREATE UNIQUE INDEX sync_command_open ON sync_command (device_id, pin, kind, slot, algorithm, open);
CREATE UNIQUE INDEX sync_command_wire ON sync_command (device_id, wire_id);
CREATE INDEX sync_command_due ON sync_command (device_id, open, due_at);
CREATE INDEX sync_command_closed ON sync_command (closed_at);

-- Items that a device's cursor alone does not describe.
CREATE TABLE sync_exception (
    device_id BIGINT NOT NULL,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    algorithm BIGINT NOT NULL,
    due_at BIGINT,                      -- owed from then on; NULL: parked, or not owed
    parked BIGINT,                      -- 1 no room, 2 its user is not there, 3 an operator decides first
    wipe BIGINT NOT NULL,               -- of a user: a deletion is acknowledged before anything else
    refused_seq BIGINT,                 -- the version the device refused
    return_code BIGINT,                 -- what it answered then
    attempts BIGINT NOT NULL,           -- failures in a row
    PRIMARY KEY (device_id, pin, kind, slot, algorithm),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX sync_exception_due ON sync_exception (device_id, due_at);

-- Commands that people order.
CREATE TABLE operator_command (
    device_id BIGINT NOT NULL,
    command_no BIGINT NOT NULL,         -- from the same counter as the device's other commands
    wire_id VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin, -- NULL until it is sent
    verb VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    arguments TEXT NOT NULL,
    fence BIGINT NOT NULL,              -- 1: nothing else is sent until it is answered
    repeatable BIGINT NOT NULL,         -- 0: goes out at most once
    empties BIGINT NOT NULL,            -- 1: the device is empty after it
    state VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- queued, sent, answered, unanswered, cancelled
    ordered_by TEXT NOT NULL,
    ordered_at BIGINT NOT NULL,
    sends BIGINT NOT NULL,
    sent_at BIGINT,
    due_at BIGINT,
    closed_at BIGINT,
    return_code BIGINT,
    reply TEXT,
    PRIMARY KEY (device_id, command_no),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX operator_command_state ON operator_command (state, device_id);
CREATE UNIQUE INDEX operator_command_wire ON operator_command (device_id, wire_id);

-- The protocol's upload marks; nothing to do with cursors.
CREATE TABLE upload_stamp (
    device_id BIGINT NOT NULL,
    table_name VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    stamp TEXT,                         -- as the device last sent it; NULL none yet
    reread BIGINT NOT NULL,             -- 1: the next handshake asks for everything again
    PRIMARY KEY (device_id, table_name),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Parts of templates whose other parts have not come yet.
CREATE TABLE part_set (
    device_id BIGINT NOT NULL,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    algorithm BIGINT NOT NULL,
    sealed MEDIUMBLOB NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, pin, kind, slot, algorithm),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- What devices sent and an operator has to look at.
CREATE TABLE held (
    held_id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,
    device_id BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,         -- keyed hash of kind and record: the same again adds no row
    kind VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- unreadable, conflict, privilege, deletion, brake, unread-table
    table_name TEXT,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin,
    tag VARCHAR(191) NOT NULL,          -- name of the record, '' none
    line_no BIGINT,                     -- line of the upload, from 1
    reason TEXT NOT NULL,               -- in words, without content
    sealed MEDIUMBLOB NOT NULL,         -- the record as it came
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    times_seen BIGINT NOT NULL,
    resolved_at BIGINT,
    resolution TEXT,                    -- what the operator decided
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE UNIQUE INDEX held_digest ON held (device_id, digest);
CREATE INDEX held_kind ON held (kind, resolved_at);
CREATE INDEX held_pin ON held (pin);

-- Entries of devices' own operation logs, so that one that comes again is not acted on again.
CREATE TABLE operation_log (
    device_id BIGINT NOT NULL,
    digest BINARY(16) NOT NULL,
    code BIGINT NOT NULL,
    operator TEXT NOT NULL,
    at_text TEXT NOT NULL,              -- the device's clock, as sent
    operands TEXT NOT NULL,             -- separated by tabs
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, digest),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX operation_log_seen ON operation_log (seen_at);

-- Jobs that one process runs at a time.
CREATE TABLE lease (
    name VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    holder VARCHAR(191) NOT NULL,
    until_at BIGINT NOT NULL
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
