-- What is defined for the whole fleet. Items of the kinds 11 to 16 (time zone, holiday, group, unlock combination, message, work
-- code) belong to nobody: where a person's PIN stands they have `!`, the last digit of their kind, and their number or code. Kind 4:
-- a personal message is for a user; its slot is the number of the message. Their contents are in `body`, memberships of areas are
-- items as those of people are. Nothing but the view has to change.

-- As before, with names for the new kinds, and without a PIN where there is none; and an ordered command is completed when the device
-- did it: some answer that they did not with a positive number.
DROP VIEW IF EXISTS device_commands;
CREATE OR REPLACE VIEW device_commands AS
SELECT d.serial_number AS device_serial,
    c.wire_id AS command_id,
    CONCAT(c.verb, ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END) AS command_type,
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
    CONCAT(c.verb, ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
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
    CONCAT(c.verb, ' ', CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' WHEN 4 THEN 'personal message' WHEN 11 THEN 'time zone' WHEN 12 THEN 'holiday' WHEN 13 THEN 'group' WHEN 14 THEN 'unlock combination' WHEN 15 THEN 'message' WHEN 16 THEN 'work code' ELSE 'template' END),
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
