-- The first schema. Conventions of every table:
-- times are milliseconds since 1970-01-01 UTC; truth values are 0 and 1; texts compare by their bytes (SQLite's default);
-- pin, kind, slot and algorithm together are the key of an item: `kind` and `algorithm` are numbers that never change
-- meaning (kind: 0 user, 1 membership, 2 user photo, 3 comparison photo, 100 + biometric type = template; algorithm:
-- format × 10¹⁰ + major × 10⁵ + minor), `slot` is the finger, the biometric type of a photo or the area;
-- what is called `sealed` is encrypted and bound to its place, see docs/decisions/0009-sealing.md.

-- What the database knows of itself.
CREATE TABLE setting (
    name TEXT NOT NULL PRIMARY KEY,     -- 'key_check': proves that the key at hand is the one the bodies were sealed with
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The counter behind the change feed: one row, locked until commit by whoever takes a number.
CREATE TABLE feed_clock (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    seq INTEGER NOT NULL,               -- the newest number; 0 before the first change
    floor_seq INTEGER NOT NULL,         -- below this number tombstones may be gone
    incarnation INTEGER NOT NULL,       -- rises with every restore from a backup
    wakes INTEGER NOT NULL              -- rises when something else was written that a device's next poll should see
) STRICT;
INSERT INTO feed_clock (id, seq, floor_seq, incarnation, wakes) VALUES (1, 0, 0, 1, 0);

-- One row an item, newest version only: the rows in the order of `seq` are the change feed.
CREATE TABLE item (
    item_id INTEGER NOT NULL PRIMARY KEY, -- the number of its first version; never changes
    pin TEXT NOT NULL,
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    seq INTEGER NOT NULL,               -- number of the newest version
    created_seq INTEGER NOT NULL,       -- number of the version that made it live
    live INTEGER NOT NULL,              -- 0 once deleted: the row stays as a tombstone
    hash BLOB NOT NULL,                 -- keyed hash of the newest content, of the last one where deleted; 16 bytes
    body_bytes INTEGER NOT NULL,        -- about how many bytes an update takes on the wire
    body_lines INTEGER NOT NULL,        -- how many command lines an update takes
    changed_at INTEGER NOT NULL,
    changed_by INTEGER,                 -- device whose upload made this version; NULL an operator
    edits INTEGER NOT NULL,             -- brake: how often another device than the one before changed it …
    edits_since INTEGER NOT NULL        -- … since this time
) STRICT;
CREATE UNIQUE INDEX item_key ON item (pin, kind, slot, algorithm);
-- A page of the feed is read from this index alone.
CREATE UNIQUE INDEX item_feed ON item (seq, pin, kind, slot, algorithm);
-- The first fill reads users by PIN.
CREATE INDEX item_scan ON item (kind, pin);

-- The content of a live user.
CREATE TABLE user_body (
    item_id INTEGER NOT NULL PRIMARY KEY REFERENCES item (item_id),
    name TEXT NOT NULL,
    privilege INTEGER NOT NULL,         -- Pri: 0 user, 2 registrar, 6 administrator, 14 super administrator
    password BLOB,                      -- sealed; NULL none
    card TEXT,                          -- decimal number, or the text of a card that is no number; NULL none
    vice_card TEXT,
    group_no INTEGER NOT NULL,
    time_zones TEXT NOT NULL,           -- 16 digits; '' what devices take as their default
    verify_mode INTEGER,                -- NULL that of the group
    start_at TEXT,                      -- start of validity as written by a device or operator
    end_at TEXT,
    expires INTEGER,                    -- 1 validity enforced, 0 not, NULL not told
    created_at INTEGER NOT NULL
) STRICT;

-- The content of a live template or photo.
CREATE TABLE body (
    item_id INTEGER NOT NULL PRIMARY KEY REFERENCES item (item_id),
    sealed BLOB NOT NULL
) STRICT;

-- Older versions: to recognise what a device that was away still holds.
CREATE TABLE item_old (
    item_id INTEGER NOT NULL REFERENCES item (item_id),
    seq INTEGER NOT NULL,               -- number of the old version
    hash BLOB NOT NULL,                 -- keyed hash of its content
    sealed BLOB,                        -- of a user: all fields; NULL for anything else and after a deletion
    replaced_seq INTEGER NOT NULL,      -- number of the version that replaced it: who has read that has passed it
    replaced_at INTEGER NOT NULL,
    PRIMARY KEY (item_id, seq)
) STRICT, WITHOUT ROWID;

-- Contents of deleted items, for the days in which a deletion can be undone. Read by nothing else.
CREATE TABLE undo_body (
    item_id INTEGER NOT NULL PRIMARY KEY REFERENCES item (item_id),
    deletion_seq INTEGER NOT NULL,      -- first number of the deletion: what was deleted together has the same
    sealed BLOB,                        -- NULL for a membership
    deleted_at INTEGER NOT NULL,
    deleted_by INTEGER,                 -- device; NULL an operator
    until_at INTEGER NOT NULL
) STRICT;
CREATE INDEX undo_until ON undo_body (until_at);

-- Groups of devices and people.
CREATE TABLE area (
    area_id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO area (area_id, name) VALUES (1, 'everyone');

CREATE TABLE device (
    device_id INTEGER NOT NULL PRIMARY KEY,
    serial_number TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,                 -- what people call it; '' nothing yet
    state TEXT NOT NULL,                -- new, active, stale, retired
    joining TEXT,                       -- adopt or replace while it is being taken in
    dialect TEXT,                       -- attendance or access-control where an operator decided; NULL what it says
    capability TEXT NOT NULL,           -- what it can take, as key=value lines
    model TEXT,                         -- copies out of `capability`, for people who read by SQL
    firmware TEXT,
    push_version TEXT,
    cursor_seq INTEGER NOT NULL,        -- every change up to here was read for this device
    scan_pin TEXT,                      -- the first fill is done up to this PIN, '' before the first; NULL no fill
    next_command INTEGER NOT NULL,      -- number of its next command
    incarnation INTEGER NOT NULL,       -- of the feed when it was last audited
    full_kinds TEXT NOT NULL,           -- kinds it had no room for, numbers separated by commas
    users_count INTEGER,                -- what it last said it holds; copies out of `capability`
    fingerprints_count INTEGER,
    faces_count INTEGER,
    counts_at INTEGER,
    time_zone TEXT,                     -- IANA name; NULL the server's
    realtime INTEGER,                   -- these: options of the handshake, NULL the server's
    trans_times TEXT,
    trans_interval_min INTEGER,
    trans_flag_format INTEGER,
    delay_s INTEGER,
    error_delay_s INTEGER,
    address TEXT,                       -- where it last came from
    created_at INTEGER NOT NULL,
    approved_at INTEGER,
    last_seen_at INTEGER
) STRICT;

CREATE TABLE device_area (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    area_id INTEGER NOT NULL REFERENCES area (area_id),
    PRIMARY KEY (device_id, area_id)
) STRICT, WITHOUT ROWID;

-- When a device was connected.
CREATE TABLE device_session (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,                  -- NULL while it lasts
    address TEXT,
    ended TEXT,                         -- why: silent, restart, retired
    PRIMARY KEY (device_id, opened_at)
) STRICT, WITHOUT ROWID;

-- What was sent to devices to make them hold an item.
CREATE TABLE sync_command (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    command_no INTEGER NOT NULL,
    wire_id TEXT NOT NULL,              -- its name on the wire, without the characters for the line
    pin TEXT NOT NULL,
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    verb TEXT NOT NULL,                 -- update or delete
    seq INTEGER NOT NULL,               -- the version it was rendered from
    again INTEGER NOT NULL,             -- 1: due again as soon as this is answered
    open INTEGER,                       -- 1 until it is acknowledged, then NULL
    sends INTEGER NOT NULL,
    attempts INTEGER NOT NULL,          -- failures before it
    first_sent_at INTEGER NOT NULL,
    sent_at INTEGER NOT NULL,           -- last time
    due_at INTEGER NOT NULL,            -- goes out again then
    body_lines INTEGER NOT NULL,
    answered INTEGER NOT NULL,          -- bit n: line n is acknowledged
    return_code INTEGER,                -- of the closing acknowledgement; NULL while open, and where it was given up
    closed_at INTEGER,
    PRIMARY KEY (device_id, command_no)
) STRICT, WITHOUT ROWID;
-- At most one open command for each device and item.
CREATE UNIQUE INDEX sync_command_open ON sync_command (device_id, pin, kind, slot, algorithm, open);
CREATE UNIQUE INDEX sync_command_wire ON sync_command (device_id, wire_id);
CREATE INDEX sync_command_due ON sync_command (device_id, open, due_at);
CREATE INDEX sync_command_closed ON sync_command (closed_at);

-- Items that a device's cursor alone does not describe.
CREATE TABLE sync_exception (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    pin TEXT NOT NULL,
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    due_at INTEGER,                     -- owed from then on; NULL: parked, or not owed
    parked INTEGER,                     -- 1 no room, 2 its user is not there, 3 an operator decides first
    wipe INTEGER NOT NULL,              -- of a user: a deletion is acknowledged before anything else
    refused_seq INTEGER,                -- the version the device refused
    return_code INTEGER,                -- what it answered then
    attempts INTEGER NOT NULL,          -- failures in a row
    PRIMARY KEY (device_id, pin, kind, slot, algorithm)
) STRICT, WITHOUT ROWID;
CREATE INDEX sync_exception_due ON sync_exception (device_id, due_at);

-- Commands that people order.
CREATE TABLE operator_command (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    command_no INTEGER NOT NULL,        -- from the same counter as the device's other commands
    wire_id TEXT,                       -- NULL until it is sent
    verb TEXT NOT NULL,
    arguments TEXT NOT NULL,
    fence INTEGER NOT NULL,             -- 1: nothing else is sent until it is answered
    repeatable INTEGER NOT NULL,        -- 0: goes out at most once
    empties INTEGER NOT NULL,           -- 1: the device is empty after it
    state TEXT NOT NULL,                -- queued, sent, answered, unanswered, cancelled
    ordered_by TEXT NOT NULL,
    ordered_at INTEGER NOT NULL,
    sends INTEGER NOT NULL,
    sent_at INTEGER,
    due_at INTEGER,
    closed_at INTEGER,
    return_code INTEGER,
    reply TEXT,
    PRIMARY KEY (device_id, command_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX operator_command_state ON operator_command (state, device_id);
CREATE UNIQUE INDEX operator_command_wire ON operator_command (device_id, wire_id);

-- The protocol's upload marks; nothing to do with cursors.
CREATE TABLE upload_stamp (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    table_name TEXT NOT NULL,
    stamp TEXT,                         -- as the device last sent it; NULL none yet
    reread INTEGER NOT NULL,            -- 1: the next handshake asks for everything again
    PRIMARY KEY (device_id, table_name)
) STRICT, WITHOUT ROWID;

-- Parts of templates whose other parts have not come yet.
CREATE TABLE part_set (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    pin TEXT NOT NULL,
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (device_id, pin, kind, slot, algorithm)
) STRICT;

-- What devices sent and an operator has to look at.
CREATE TABLE held (
    held_id INTEGER NOT NULL PRIMARY KEY,
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    digest BLOB NOT NULL,               -- keyed hash of kind and record: the same again adds no row
    kind TEXT NOT NULL,                 -- unreadable, conflict, privilege, deletion, brake, unread-table
    table_name TEXT,
    pin TEXT,
    tag TEXT NOT NULL,                  -- name of the record, '' none
    line_no INTEGER,                    -- line of the upload, from 1
    reason TEXT NOT NULL,               -- in words, without content
    sealed BLOB NOT NULL,               -- the record as it came
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    times_seen INTEGER NOT NULL,
    resolved_at INTEGER,
    resolution TEXT                     -- what the operator decided
) STRICT;
CREATE UNIQUE INDEX held_digest ON held (device_id, digest);
CREATE INDEX held_kind ON held (kind, resolved_at);
CREATE INDEX held_pin ON held (pin);

-- Entries of devices' own operation logs, so that one that comes again is not acted on again.
CREATE TABLE operation_log (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    digest BLOB NOT NULL,
    code INTEGER NOT NULL,
    operator TEXT NOT NULL,
    at_text TEXT NOT NULL,              -- the device's clock, as sent
    operands TEXT NOT NULL,             -- separated by tabs
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (device_id, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX operation_log_seen ON operation_log (seen_at);

-- Jobs that one process runs at a time.
CREATE TABLE lease (
    name TEXT NOT NULL PRIMARY KEY,
    holder TEXT NOT NULL,
    until_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
