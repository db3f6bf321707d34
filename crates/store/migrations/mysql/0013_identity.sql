-- Whose content it is: what each device knows of a PIN, what it claimed of one, and by what former people are known again.

-- Of a user: which life of the PIN the device knows where the cursor does not tell; 0 none; NULL the cursor tells.
ALTER TABLE sync_exception ADD COLUMN known_life BIGINT;

-- The first fill removes whatever a device holds under a PIN before it brings the fleet's person.
ALTER TABLE device ADD COLUMN scan_replaces BIGINT NOT NULL DEFAULT 0;

-- A device that answers no queries is read as a whole instead, for the questions that it was to be asked.
ALTER TABLE device ADD COLUMN rereads BIGINT NOT NULL DEFAULT 0;

-- The life of the PIN that the fleet had when something was held, 0 nobody; NULL not noted. A decision is for that life.
ALTER TABLE held ADD COLUMN life_seq BIGINT;

-- What one device said of one PIN and the fleet did not take. Nothing goes out under the PIN meanwhile.
CREATE TABLE claim (
    device_id BIGINT NOT NULL,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    reason VARCHAR(32) NOT NULL,
    stage VARCHAR(32) NOT NULL,                -- waiting: the device is asked; blocking: an operator decides
    life_seq BIGINT NOT NULL,          -- the life of the PIN that the fleet had, 0 nobody
    version BIGINT NOT NULL,           -- rises with everything that joins it
    since_seq BIGINT NOT NULL,         -- where the cursor of the device stood, 0 where something was under way
    kind BIGINT,                       -- these three: what the device is asked for; NULL nothing
    slot BIGINT,
    algorithm BIGINT,
    asked VARCHAR(32),                         -- due, asked, answered, refused
    order_no BIGINT,                   -- the command that asks
    asked_at BIGINT,                   -- since when it asks, or when it was answered
    shown BIGINT NOT NULL,             -- the device uploaded a user record since
    times BIGINT NOT NULL,             -- how often it was asked
    due_at BIGINT,                     -- when the claim is looked at again by itself
    table_name VARCHAR(64),                    -- of the newest user record: the table that it came in
    sealed MEDIUMBLOB,                        -- the record
    opened_at BIGINT NOT NULL,
    PRIMARY KEY (device_id, pin),
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX claim_due ON claim (device_id, due_at);

-- Templates and photos of claims.
CREATE TABLE claim_item (
    device_id BIGINT NOT NULL,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    kind BIGINT NOT NULL,
    slot BIGINT NOT NULL,
    algorithm BIGINT NOT NULL,
    sealed MEDIUMBLOB NOT NULL,
    PRIMARY KEY (device_id, pin, kind, slot, algorithm)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- By what people are known again whose life under a PIN has ended: keyed hashes of names and cards.
CREATE TABLE former_mark (
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    mark BINARY(16) NOT NULL,
    PRIMARY KEY (pin, mark)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- People in conflict that wait for an operator: the device holds its own person.
INSERT INTO claim (device_id, pin, reason, stage, life_seq, version, since_seq, shown, times, opened_at)
SELECT e.device_id, e.pin, 'other', 'blocking',
    COALESCE((SELECT i.created_seq FROM item i WHERE i.pin = e.pin AND i.kind = 0 AND i.live = 1), 0), 1, 0, 0, 0,
    MAX(h.last_at)
FROM sync_exception e JOIN held h ON h.device_id = e.device_id AND h.pin = e.pin
WHERE e.kind = 0 AND e.parked = 3 AND h.kind = 'conflict' AND h.resolved_at IS NULL
GROUP BY e.device_id, e.pin
ON DUPLICATE KEY UPDATE version = claim.version;
UPDATE sync_exception SET known_life = 0 WHERE kind = 0 AND EXISTS (SELECT 1 FROM claim c
    WHERE c.device_id = sync_exception.device_id AND c.pin = sync_exception.pin);

-- As before. How a device gets somebody for the first time is its own business: whoever reads this sees an update.
DROP VIEW IF EXISTS device_commands;
CREATE OR REPLACE VIEW device_commands AS
SELECT d.serial_number AS device_serial,
    c.wire_id AS command_id,
    CONCAT((CASE WHEN c.verb IN ('insert', 'replace') THEN 'update' ELSE c.verb END), ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END) AS command_type,
    'sent' AS status,
    TIMESTAMPADD(SECOND, c.first_sent_at DIV 1000, '1970-01-01 00:00:00') AS created_at,
    TIMESTAMPADD(SECOND, c.sent_at DIV 1000, '1970-01-01 00:00:00') AS sent_at,
    TIMESTAMPADD(SECOND, c.closed_at DIV 1000, '1970-01-01 00:00:00') AS completed_at,
    c.sends - 1 AS retry_count,
    CASE WHEN c.kind BETWEEN 11 AND 16 THEN NULL ELSE c.pin END AS pin,
    c.return_code AS return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open = 1
UNION ALL
SELECT d.serial_number,
    c.wire_id,
    CONCAT((CASE WHEN c.verb IN ('insert', 'replace') THEN 'update' ELSE c.verb END), ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'completed',
    TIMESTAMPADD(SECOND, c.first_sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.closed_at DIV 1000, '1970-01-01 00:00:00'),
    c.sends - 1,
    CASE WHEN c.kind BETWEEN 11 AND 16 THEN NULL ELSE c.pin END,
    c.return_code
FROM sync_command c JOIN device d ON d.device_id = c.device_id
WHERE c.open IS NULL AND c.return_code >= 0
UNION ALL
SELECT d.serial_number,
    c.wire_id,
    CONCAT((CASE WHEN c.verb IN ('insert', 'replace') THEN 'update' ELSE c.verb END), ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'failed',
    TIMESTAMPADD(SECOND, c.first_sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.sent_at DIV 1000, '1970-01-01 00:00:00'),
    TIMESTAMPADD(SECOND, c.closed_at DIV 1000, '1970-01-01 00:00:00'),
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
WHERE o.state = 'answered' AND o.failed = 0
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
WHERE o.state = 'cancelled' OR o.state = 'unanswered' OR (o.state = 'answered' AND o.failed = 1)
UNION ALL
SELECT d.serial_number,
    NULL,
    CONCAT('synchronise ', CASE e.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'pending',
    TIMESTAMPADD(SECOND, e.due_at DIV 1000, '1970-01-01 00:00:00'),
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
    CONCAT(CASE i.live WHEN 1 THEN 'update ' ELSE 'delete ' END, CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'pending',
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00'),
    NULL,
    NULL,
    0,
    CASE WHEN i.kind BETWEEN 11 AND 16 THEN NULL ELSE i.pin END,
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
    CONCAT('update ', CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
    'pending',
    TIMESTAMPADD(SECOND, i.changed_at DIV 1000, '1970-01-01 00:00:00'),
    NULL,
    NULL,
    0,
    CASE WHEN i.kind BETWEEN 11 AND 16 THEN NULL ELSE i.pin END,
    NULL
FROM device d STRAIGHT_JOIN item i FORCE INDEX (item_key) ON i.pin > d.scan_pin
WHERE d.state = 'active' AND d.joining IS NULL AND d.scan_pin IS NOT NULL AND i.live = 1 AND i.kind <> 1 AND i.seq <= d.cursor_seq
    AND (SELECT COUNT(*) FROM item m JOIN device_area a ON a.area_id = m.slot
        WHERE m.pin = i.pin AND m.kind = 1 AND a.device_id = d.device_id) > 0
    AND (SELECT COUNT(*) FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1
        AND c.pin = i.pin AND c.kind = i.kind AND c.slot = i.slot AND c.algorithm = i.algorithm) = 0
    AND (SELECT COUNT(*) FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL
        AND e.pin = i.pin AND e.kind = i.kind AND e.slot = i.slot AND e.algorithm = i.algorithm) = 0;
