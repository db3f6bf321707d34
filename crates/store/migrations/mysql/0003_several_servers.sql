-- Several servers on one database, and the public face to SQL.
-- Each statement finds its work done where it is run again.
--
-- What a server kept in its memory of a device, and another one has to know: see the columns. The views: plural names,
-- one row a thing as people see it, times as text in UTC. They are the stable face of this database, described in
-- docs/sql.md: tables may change from one version to the next, the columns of the views stay. Nothing sealed is in them.

ALTER TABLE device ADD COLUMN heard_at BIGINT;      -- when it last uploaded something while it is being taken in
ALTER TABLE device ADD COLUMN emptied_at BIGINT;    -- it held people, and then told of nobody: since when; NULL once it is filled again
ALTER TABLE device ADD COLUMN refilled_at BIGINT;   -- when it was last filled again for what its counts told
ALTER TABLE device ADD COLUMN language BIGINT;      -- copy out of `capability`: the number of its language (appendix 2)

-- Of a template, copies out of its sealed body, from its first part; NULL for anything else, and for what was written before.
ALTER TABLE item ADD COLUMN valid_flag BIGINT;      -- Valid as the device told it
ALTER TABLE item ADD COLUMN duress_flag BIGINT;     -- 1: this finger calls for help
ALTER TABLE item ADD COLUMN text_bytes BIGINT;      -- length of its base64 text, of all parts together

-- What is finished is found by its age.
CREATE INDEX operator_command_closed ON operator_command (closed_at);
CREATE INDEX device_session_closed ON device_session (closed_at);
CREATE INDEX held_resolved ON held (resolved_at, last_at);
CREATE INDEX part_set_updated ON part_set (updated_at);
CREATE INDEX sync_command_finished ON sync_command (device_id, closed_at);
DROP INDEX sync_command_closed ON sync_command;
CREATE INDEX device_cursor ON device (state, cursor_seq);
CREATE INDEX operation_log_device ON operation_log (device_id, seen_at);
DROP INDEX operation_log_seen ON operation_log;

DROP VIEW IF EXISTS device_commands;
DROP VIEW IF EXISTS face_templates;
DROP VIEW IF EXISTS fingerprint_templates;
DROP VIEW IF EXISTS biometric_templates;
DROP VIEW IF EXISTS users;
DROP VIEW IF EXISTS devices;

CREATE OR REPLACE VIEW devices AS
SELECT d.serial_number,
    d.address AS ip_address,
    TIMESTAMPADD(SECOND, d.last_seen_at DIV 1000, '1970-01-01 00:00:00') AS last_seen,
    d.push_version,
    d.language,
    d.firmware AS firmware_version,
    d.users_count AS user_count,        -- what it last said it holds
    d.fingerprints_count AS fingerprint_count,
    d.faces_count AS face_count,
    -- Heard of within three minutes, by the clock of the database's machine.
    CASE WHEN d.last_seen_at >= UNIX_TIMESTAMP() * 1000 - 180000 THEN 'online' ELSE 'offline' END AS status,
    d.name,
    d.model,
    d.state,                            -- new, active, stale, retired
    TIMESTAMPADD(SECOND, d.created_at DIV 1000, '1970-01-01 00:00:00') AS created_at,
    TIMESTAMPADD(SECOND, d.approved_at DIV 1000, '1970-01-01 00:00:00') AS approved_at
FROM device d;

CREATE OR REPLACE VIEW users AS
SELECT i.pin,
    u.name,
    u.privilege,
    CASE WHEN u.password IS NULL THEN '' ELSE '****' END AS password,
    u.card,
    u.vice_card,
    u.group_no AS group_id,
    u.time_zones AS timezone,
    COALESCE(u.verify_mode, -1) AS verify_mode, -- -1 that of the group
    u.start_at AS valid_from,
    u.end_at AS valid_until,
    TIMESTAMPADD(SECOND, u.created_at DIV 1000, '1970-01-01 00:00:00') AS created_at,
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00') AS updated_at,
    d.serial_number AS updated_by       -- NULL an operator
FROM user_body u JOIN item i ON i.item_id = u.item_id LEFT JOIN device d ON d.device_id = i.changed_by;

-- Every biometric template, whatever its type. Its version is that of the algorithm: major 0 where it is not known.
CREATE OR REPLACE VIEW biometric_templates AS
SELECT i.pin,
    i.slot AS bio_number,               -- finger, 0 to 9
    0 AS bio_index,                     -- all parts of a template are one row
    i.kind - 100 AS bio_type,           -- 1 fingerprint, 2 near-infrared face, 7 finger vein, 8 palm, 9 visible-light face
    COALESCE(i.valid_flag, 1) AS valid_flag,
    COALESCE(i.duress_flag, 0) AS duress_flag,
    i.text_bytes AS template_size,      -- length of its base64 text, all parts together
    i.body_lines AS part_count,
    (i.algorithm % 10000000000) DIV 100000 AS major_version,
    i.algorithm % 100000 AS minor_version,
    i.algorithm DIV 10000000000 AS format_type, -- 0 the vendor's, others see Format in crates/roster
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00') AS updated_at,
    d.serial_number AS updated_by       -- NULL an operator
FROM item i LEFT JOIN device d ON d.device_id = i.changed_by WHERE i.kind >= 100 AND i.live = 1;

CREATE OR REPLACE VIEW fingerprint_templates AS
SELECT i.pin,
    i.slot AS finger_id,                -- 0 to 9
    0 AS bio_index,
    1 AS bio_type,
    COALESCE(i.valid_flag, 1) AS valid_flag,
    COALESCE(i.duress_flag, 0) AS duress_flag,
    i.text_bytes AS template_size,
    CONCAT((i.algorithm % 10000000000) DIV 100000, '.', i.algorithm % 100000) AS algorithm_version,
    (i.algorithm % 10000000000) DIV 100000 AS major_version,
    i.algorithm % 100000 AS minor_version,
    i.algorithm DIV 10000000000 AS format_type,
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00') AS updated_at,
    d.serial_number AS updated_by
FROM item i LEFT JOIN device d ON d.device_id = i.changed_by WHERE i.kind = 101 AND i.live = 1;

CREATE OR REPLACE VIEW face_templates AS
SELECT i.pin,
    i.slot AS face_id,
    0 AS bio_index,
    i.kind - 100 AS bio_type,           -- 2 near-infrared, 9 visible light
    COALESCE(i.valid_flag, 1) AS valid_flag,
    COALESCE(i.duress_flag, 0) AS duress_flag,
    i.text_bytes AS template_size,
    i.body_lines AS part_count,
    CONCAT((i.algorithm % 10000000000) DIV 100000, '.', i.algorithm % 100000) AS algorithm_version,
    (i.algorithm % 10000000000) DIV 100000 AS major_version,
    i.algorithm % 100000 AS minor_version,
    i.algorithm DIV 10000000000 AS format_type,
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00') AS updated_at,
    d.serial_number AS updated_by
FROM item i LEFT JOIN device d ON d.device_id = i.changed_by WHERE i.kind IN (102, 109) AND i.live = 1;

-- What devices are told. 'pending' is what is owed and not sent: computed, since there is no queue. It does not know what
-- a device can take, so it may name items that turn out to be none of the device's business. Each branch has one status,
-- so that a query for one of them reads nothing else; conditions are counts, since what can be turned into a join would be
-- joined for all devices at once.
CREATE OR REPLACE VIEW device_commands AS
SELECT d.serial_number AS device_serial,
    c.wire_id AS command_id,
    CONCAT(c.verb, ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END) AS command_type,
    'sent' AS status,
    TIMESTAMPADD(SECOND, c.first_sent_at DIV 1000, '1970-01-01 00:00:00') AS created_at,
    TIMESTAMPADD(SECOND, c.sent_at DIV 1000, '1970-01-01 00:00:00') AS sent_at,
    TIMESTAMPADD(SECOND, c.closed_at DIV 1000, '1970-01-01 00:00:00') AS completed_at,
    c.sends - 1 AS retry_count,
    c.pin AS pin,
    c.return_code AS return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open = 1
UNION ALL
SELECT d.serial_number,
    c.wire_id,
    CONCAT(c.verb, ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END),
    'completed',
    TIMESTAMPADD(SECOND, c.first_sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.closed_at DIV 1000, '1970-01-01 00:00:00'),
    c.sends - 1,
    c.pin,
    c.return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open IS NULL AND c.return_code >= 0
UNION ALL
SELECT d.serial_number,
    c.wire_id,
    CONCAT(c.verb, ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END),
    'failed',
    TIMESTAMPADD(SECOND, c.first_sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.closed_at DIV 1000, '1970-01-01 00:00:00'),
    c.sends - 1,
    c.pin,
    c.return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open IS NULL AND (c.return_code < 0 OR c.return_code IS NULL)
UNION ALL
SELECT d.serial_number,
    o.wire_id,
    o.verb,
    'pending',
    TIMESTAMPADD(SECOND, o.ordered_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.closed_at DIV 1000, '1970-01-01 00:00:00'),
    CASE WHEN o.sends > 0 THEN o.sends - 1 ELSE 0 END,
    NULL,
    o.return_code
FROM operator_command o JOIN device d ON d.device_id = o.device_id
WHERE o.state = 'queued'
UNION ALL
SELECT d.serial_number,
    o.wire_id,
    o.verb,
    'sent',
    TIMESTAMPADD(SECOND, o.ordered_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.closed_at DIV 1000, '1970-01-01 00:00:00'),
    CASE WHEN o.sends > 0 THEN o.sends - 1 ELSE 0 END,
    NULL,
    o.return_code
FROM operator_command o JOIN device d ON d.device_id = o.device_id
WHERE o.state = 'sent'
UNION ALL
SELECT d.serial_number,
    o.wire_id,
    o.verb,
    'completed',
    TIMESTAMPADD(SECOND, o.ordered_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.closed_at DIV 1000, '1970-01-01 00:00:00'),
    CASE WHEN o.sends > 0 THEN o.sends - 1 ELSE 0 END,
    NULL,
    o.return_code
FROM operator_command o JOIN device d ON d.device_id = o.device_id
WHERE o.state = 'answered' AND o.return_code >= 0
UNION ALL
SELECT d.serial_number,
    o.wire_id,
    o.verb,
    'failed',
    TIMESTAMPADD(SECOND, o.ordered_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, o.closed_at DIV 1000, '1970-01-01 00:00:00'),
    CASE WHEN o.sends > 0 THEN o.sends - 1 ELSE 0 END,
    NULL,
    o.return_code
FROM operator_command o JOIN device d ON d.device_id = o.device_id
WHERE o.state = 'cancelled' OR o.state = 'unanswered' OR (o.state = 'answered' AND o.return_code < 0)
UNION ALL
SELECT d.serial_number,
    NULL,
    CONCAT('synchronise ', CASE e.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END),
    'pending',
    TIMESTAMPADD(SECOND, e.due_at DIV 1000, '1970-01-01 00:00:00'),
    NULL,
    NULL,
    e.attempts,
    e.pin,
    e.return_code
FROM sync_exception e JOIN device d ON d.device_id = e.device_id
WHERE e.due_at IS NOT NULL
UNION ALL
-- Changes that a device has not read. Most devices have read everything, and those that have not lack the newest.
SELECT d.serial_number,
    NULL,
    CONCAT(CASE i.live WHEN 1 THEN 'update ' ELSE 'delete ' END, CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END),
    'pending',
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00'),
    NULL,
    NULL,
    0,
    i.pin,
    NULL
FROM device d STRAIGHT_JOIN item i FORCE INDEX (item_feed) ON i.seq > d.cursor_seq
    AND i.seq > (SELECT MIN(b.cursor_seq) FROM device b WHERE b.state = 'active')
WHERE d.state = 'active' AND d.joining IS NULL AND i.kind <> 1
    AND d.cursor_seq < (SELECT f.seq FROM feed_clock f WHERE f.id = 1)
    AND (SELECT COUNT(*) FROM item m JOIN device_area a ON a.area_id = m.slot
        WHERE m.pin = i.pin AND m.kind = 1 AND a.device_id = d.device_id) > 0
    AND (SELECT COUNT(*) FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1
        AND c.pin = i.pin AND c.kind = i.kind AND c.slot = i.slot AND c.algorithm = i.algorithm) = 0
    AND (SELECT COUNT(*) FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL
        AND e.pin = i.pin AND e.kind = i.kind AND e.slot = i.slot AND e.algorithm = i.algorithm) = 0
UNION ALL
-- What a first fill has still before it.
SELECT d.serial_number,
    NULL,
    CONCAT('update ', CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END),
    'pending',
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00'),
    NULL,
    NULL,
    0,
    i.pin,
    NULL
FROM device d STRAIGHT_JOIN item i FORCE INDEX (item_key) ON i.pin > d.scan_pin
WHERE d.state = 'active' AND d.joining IS NULL AND d.scan_pin IS NOT NULL AND i.live = 1 AND i.kind <> 1 AND i.seq <= d.cursor_seq
    AND (SELECT COUNT(*) FROM item m JOIN device_area a ON a.area_id = m.slot
        WHERE m.pin = i.pin AND m.kind = 1 AND a.device_id = d.device_id) > 0
    AND (SELECT COUNT(*) FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1
        AND c.pin = i.pin AND c.kind = i.kind AND c.slot = i.slot AND c.algorithm = i.algorithm) = 0
    AND (SELECT COUNT(*) FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL
        AND e.pin = i.pin AND e.kind = i.kind AND e.slot = i.slot AND e.algorithm = i.algorithm) = 0;
