-- Whose content it is: what each device knows of a PIN, what it claimed of one, and by what former people are known again.

-- Of a user: which life of the PIN the device knows where the cursor does not tell; 0 none; NULL the cursor tells.
ALTER TABLE sync_exception ADD COLUMN known_life INTEGER;

-- The first fill removes whatever a device holds under a PIN before it brings the fleet's person.
ALTER TABLE device ADD COLUMN scan_replaces INTEGER NOT NULL DEFAULT 0;

-- A device that answers no queries is read as a whole instead, for the questions that it was to be asked.
ALTER TABLE device ADD COLUMN rereads INTEGER NOT NULL DEFAULT 0;

-- The life of the PIN that the fleet had when something was held, 0 nobody; NULL not noted. A decision is for that life.
ALTER TABLE held ADD COLUMN life_seq INTEGER;

-- What one device said of one PIN and the fleet did not take. Nothing goes out under the PIN meanwhile.
CREATE TABLE claim (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    pin TEXT NOT NULL,
    reason TEXT NOT NULL,
    stage TEXT NOT NULL,                -- waiting: the device is asked; blocking: an operator decides
    life_seq INTEGER NOT NULL,          -- the life of the PIN that the fleet had, 0 nobody
    version INTEGER NOT NULL,           -- rises with everything that joins it
    since_seq INTEGER NOT NULL,         -- where the cursor of the device stood, 0 where something was under way
    kind INTEGER,                       -- these three: what the device is asked for; NULL nothing
    slot INTEGER,
    algorithm INTEGER,
    asked TEXT,                         -- due, asked, answered, refused
    order_no INTEGER,                   -- the command that asks
    asked_at INTEGER,                   -- since when it asks, or when it was answered
    shown INTEGER NOT NULL,             -- the device uploaded a user record since
    times INTEGER NOT NULL,             -- how often it was asked
    due_at INTEGER,                     -- when the claim is looked at again by itself
    table_name TEXT,                    -- of the newest user record: the table that it came in
    sealed BLOB,                        -- the record
    opened_at INTEGER NOT NULL,
    PRIMARY KEY (device_id, pin)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_due ON claim (device_id, due_at);

-- Templates and photos of claims.
CREATE TABLE claim_item (
    device_id INTEGER NOT NULL,
    pin TEXT NOT NULL,
    kind INTEGER NOT NULL,
    slot INTEGER NOT NULL,
    algorithm INTEGER NOT NULL,
    sealed BLOB NOT NULL,
    PRIMARY KEY (device_id, pin, kind, slot, algorithm)
) STRICT, WITHOUT ROWID;

-- By what people are known again whose life under a PIN has ended: keyed hashes of names and cards.
CREATE TABLE former_mark (
    pin TEXT NOT NULL,
    mark BLOB NOT NULL,
    PRIMARY KEY (pin, mark)
) STRICT, WITHOUT ROWID;

-- People in conflict that wait for an operator: the device holds its own person.
INSERT INTO claim (device_id, pin, reason, stage, life_seq, version, since_seq, shown, times, opened_at)
SELECT e.device_id, e.pin, 'other', 'blocking',
    COALESCE((SELECT i.created_seq FROM item i WHERE i.pin = e.pin AND i.kind = 0 AND i.live = 1), 0), 1, 0, 0, 0,
    MAX(h.last_at)
FROM sync_exception e JOIN held h ON h.device_id = e.device_id AND h.pin = e.pin
WHERE e.kind = 0 AND e.parked = 3 AND h.kind = 'conflict' AND h.resolved_at IS NULL
GROUP BY e.device_id, e.pin;
UPDATE sync_exception SET known_life = 0 WHERE kind = 0 AND EXISTS (SELECT 1 FROM claim c
    WHERE c.device_id = sync_exception.device_id AND c.pin = sync_exception.pin);

-- As before. How a device gets somebody for the first time is its own business: whoever reads this sees an update.
DROP VIEW IF EXISTS device_commands;
CREATE VIEW device_commands AS
SELECT d.serial_number AS device_serial,
    c.wire_id AS command_id,
    (CASE WHEN c.verb IN ('insert', 'replace') THEN 'update' ELSE c.verb END) || ' ' || (CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END) AS command_type,
    'sent' AS status,
    strftime('%Y-%m-%d %H:%M:%S', c.first_sent_at / 1000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%d %H:%M:%S', c.sent_at / 1000, 'unixepoch') AS sent_at,
    strftime('%Y-%m-%d %H:%M:%S', c.closed_at / 1000, 'unixepoch') AS completed_at,
    c.sends - 1 AS retry_count,
    CASE WHEN c.kind BETWEEN 11 AND 16 THEN NULL ELSE c.pin END AS pin,
    c.return_code AS return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open = 1
UNION ALL
SELECT d.serial_number,
    c.wire_id,
    (CASE WHEN c.verb IN ('insert', 'replace') THEN 'update' ELSE c.verb END) || ' ' || (CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'completed',
    strftime('%Y-%m-%d %H:%M:%S', c.first_sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', c.sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', c.closed_at / 1000, 'unixepoch'),
    c.sends - 1,
    CASE WHEN c.kind BETWEEN 11 AND 16 THEN NULL ELSE c.pin END,
    c.return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open IS NULL AND c.return_code >= 0
UNION ALL
SELECT d.serial_number,
    c.wire_id,
    (CASE WHEN c.verb IN ('insert', 'replace') THEN 'update' ELSE c.verb END) || ' ' || (CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'failed',
    strftime('%Y-%m-%d %H:%M:%S', c.first_sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', c.sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', c.closed_at / 1000, 'unixepoch'),
    c.sends - 1,
    CASE WHEN c.kind BETWEEN 11 AND 16 THEN NULL ELSE c.pin END,
    c.return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open IS NULL AND (c.return_code < 0 OR c.return_code IS NULL)
UNION ALL
SELECT d.serial_number,
    o.wire_id,
    o.verb,
    'pending',
    strftime('%Y-%m-%d %H:%M:%S', o.ordered_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.closed_at / 1000, 'unixepoch'),
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
    strftime('%Y-%m-%d %H:%M:%S', o.ordered_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.closed_at / 1000, 'unixepoch'),
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
    strftime('%Y-%m-%d %H:%M:%S', o.ordered_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.closed_at / 1000, 'unixepoch'),
    CASE WHEN o.sends > 0 THEN o.sends - 1 ELSE 0 END,
    NULL,
    o.return_code
FROM operator_command o JOIN device d ON d.device_id = o.device_id
WHERE o.state = 'answered' AND o.failed = 0
UNION ALL
SELECT d.serial_number,
    o.wire_id,
    o.verb,
    'failed',
    strftime('%Y-%m-%d %H:%M:%S', o.ordered_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.sent_at / 1000, 'unixepoch'),
    strftime('%Y-%m-%d %H:%M:%S', o.closed_at / 1000, 'unixepoch'),
    CASE WHEN o.sends > 0 THEN o.sends - 1 ELSE 0 END,
    NULL,
    o.return_code
FROM operator_command o JOIN device d ON d.device_id = o.device_id
WHERE o.state = 'cancelled' OR o.state = 'unanswered' OR (o.state = 'answered' AND o.failed = 1)
UNION ALL
SELECT d.serial_number,
    NULL,
    'synchronise ' || (CASE e.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'pending',
    strftime('%Y-%m-%d %H:%M:%S', e.due_at / 1000, 'unixepoch'),
    NULL,
    NULL,
    e.attempts,
    CASE WHEN e.kind BETWEEN 11 AND 16 THEN NULL ELSE e.pin END,
    e.return_code
FROM sync_exception e JOIN device d ON d.device_id = e.device_id
WHERE e.due_at IS NOT NULL
UNION ALL
-- Changes that a device has not read. Most devices have read everything, and those that have not lack the newest.
SELECT d.serial_number,
    NULL,
    (CASE i.live WHEN 1 THEN 'update ' ELSE 'delete ' END) || (CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'pending',
    strftime('%Y-%m-%d %H:%M:%S', i.changed_at / 1000, 'unixepoch'),
    NULL,
    NULL,
    0,
    CASE WHEN i.kind BETWEEN 11 AND 16 THEN NULL ELSE i.pin END,
    NULL
FROM device d CROSS JOIN item i ON i.seq > d.cursor_seq
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
    'update ' || (CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'pending',
    strftime('%Y-%m-%d %H:%M:%S', i.changed_at / 1000, 'unixepoch'),
    NULL,
    NULL,
    0,
    CASE WHEN i.kind BETWEEN 11 AND 16 THEN NULL ELSE i.pin END,
    NULL
FROM device d CROSS JOIN item i ON i.pin > d.scan_pin
WHERE d.state = 'active' AND d.joining IS NULL AND d.scan_pin IS NOT NULL AND i.live = 1 AND i.kind <> 1 AND i.seq <= d.cursor_seq
    AND (SELECT COUNT(*) FROM item m JOIN device_area a ON a.area_id = m.slot
        WHERE m.pin = i.pin AND m.kind = 1 AND a.device_id = d.device_id) > 0
    AND (SELECT COUNT(*) FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1
        AND c.pin = i.pin AND c.kind = i.kind AND c.slot = i.slot AND c.algorithm = i.algorithm) = 0
    AND (SELECT COUNT(*) FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL
        AND e.pin = i.pin AND e.kind = i.kind AND e.slot = i.slot AND e.algorithm = i.algorithm) = 0;
