-- The public face to SQL: plural names, one row a thing as people see it, times as text in UTC. Base tables may change from
-- one version to the next, these columns stay. Nothing sealed is in them.

CREATE VIEW devices AS
SELECT d.device_id,
    d.serial_number,
    d.name,
    d.model,
    d.firmware,
    d.push_version,
    d.state,                            -- new, active, stale, retired
    CASE WHEN EXISTS (SELECT 1 FROM device_session s WHERE s.device_id = d.device_id AND s.closed_at IS NULL)
        THEN 'online' ELSE 'offline' END AS status,
    d.address,
    d.users_count,                      -- what it last said it holds
    d.fingerprints_count,
    d.faces_count,
    strftime('%Y-%m-%d %H:%M:%S', d.last_seen_at / 1000, 'unixepoch') AS last_seen_at,
    strftime('%Y-%m-%d %H:%M:%S', d.created_at / 1000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%d %H:%M:%S', d.approved_at / 1000, 'unixepoch') AS approved_at
FROM device d;

CREATE VIEW users AS
SELECT i.pin,
    u.name,
    u.privilege,
    u.card,
    u.vice_card,
    u.group_no,
    u.time_zones,
    u.verify_mode,
    u.start_at AS valid_from,
    u.end_at AS valid_until,
    CASE WHEN u.password IS NULL THEN 0 ELSE 1 END AS has_password,
    (SELECT COUNT(*) FROM item t WHERE t.pin = i.pin AND t.kind = 101 AND t.live = 1) AS fingerprints,
    (SELECT COUNT(*) FROM item t WHERE t.pin = i.pin AND t.kind IN (102, 109) AND t.live = 1) AS faces,
    strftime('%Y-%m-%d %H:%M:%S', u.created_at / 1000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%d %H:%M:%S', i.changed_at / 1000, 'unixepoch') AS updated_at,
    (SELECT d.serial_number FROM device d WHERE d.device_id = i.changed_by) AS updated_by -- NULL an operator
FROM user_body u JOIN item i ON i.item_id = u.item_id;

-- Every biometric template. Its version is that of the algorithm: major 0 where it is not known.
CREATE VIEW biometric_templates AS
SELECT i.pin,
    i.kind - 100 AS bio_type,           -- 1 fingerprint, 2 near-infrared face, 7 finger vein, 8 palm, 9 visible-light face
    i.slot AS template_no,              -- finger, 0 to 9
    (i.algorithm % 10000000000) / 100000 AS version_major,
    i.algorithm % 100000 AS version_minor,
    i.body_lines AS parts,
    i.body_bytes AS bytes,
    strftime('%Y-%m-%d %H:%M:%S', i.changed_at / 1000, 'unixepoch') AS updated_at,
    (SELECT d.serial_number FROM device d WHERE d.device_id = i.changed_by) AS updated_by
FROM item i WHERE i.kind >= 100 AND i.live = 1;

CREATE VIEW fingerprint_templates AS
SELECT pin, template_no AS finger, version_major, version_minor, bytes, updated_at, updated_by
FROM biometric_templates WHERE bio_type = 1;

CREATE VIEW face_templates AS
SELECT pin, bio_type, template_no, version_major, version_minor, parts, bytes, updated_at, updated_by
FROM biometric_templates WHERE bio_type IN (2, 9);

-- What devices are told. 'pending' is what is owed and not sent: computed, since there is no queue. It does not know what
-- a device can take, so it may name items that turn out to be none of the device's business.
CREATE VIEW device_commands AS
SELECT c.device_id, c.wire_id AS command_id,
    c.verb || ' ' || CASE c.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END AS command,
    c.pin,
    CASE WHEN c.open = 1 THEN 'sent' WHEN c.return_code >= 0 THEN 'completed' ELSE 'failed' END AS status,
    strftime('%Y-%m-%d %H:%M:%S', c.first_sent_at / 1000, 'unixepoch') AS created_at,
    strftime('%Y-%m-%d %H:%M:%S', c.sent_at / 1000, 'unixepoch') AS sent_at,
    strftime('%Y-%m-%d %H:%M:%S', c.closed_at / 1000, 'unixepoch') AS completed_at,
    c.return_code
FROM sync_command c
UNION ALL
SELECT o.device_id, o.wire_id, o.verb, NULL,
    CASE WHEN o.state = 'queued' THEN 'pending' WHEN o.state = 'sent' THEN 'sent'
        WHEN o.state = 'answered' AND o.return_code >= 0 THEN 'completed' ELSE 'failed' END,
    strftime('%Y-%m-%d %H:%M:%S', o.ordered_at / 1000, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%S', o.sent_at / 1000, 'unixepoch'), strftime('%Y-%m-%d %H:%M:%S', o.closed_at / 1000, 'unixepoch'), o.return_code
FROM operator_command o
UNION ALL
SELECT e.device_id, NULL, 'synchronise ' || CASE e.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END, e.pin, 'pending',
    strftime('%Y-%m-%d %H:%M:%S', e.due_at / 1000, 'unixepoch'), NULL, NULL, NULL
FROM sync_exception e WHERE e.due_at IS NOT NULL
UNION ALL
SELECT d.device_id, NULL, CASE i.live WHEN 1 THEN 'update ' ELSE 'delete ' END || CASE i.kind WHEN 0 THEN 'user' WHEN 2 THEN 'user photo' WHEN 3 THEN 'comparison photo' ELSE 'template' END, i.pin, 'pending',
    strftime('%Y-%m-%d %H:%M:%S', i.changed_at / 1000, 'unixepoch'), NULL, NULL, NULL
FROM device d JOIN item i ON i.seq > d.cursor_seq OR (i.live = 1 AND i.pin > d.scan_pin)
WHERE d.state = 'active' AND i.kind <> 1
    AND EXISTS (SELECT 1 FROM item m JOIN device_area a ON a.area_id = m.slot
        WHERE m.pin = i.pin AND m.kind = 1 AND a.device_id = d.device_id)
    AND NOT EXISTS (SELECT 1 FROM sync_command c WHERE c.device_id = d.device_id AND c.open = 1
        AND c.pin = i.pin AND c.kind = i.kind AND c.slot = i.slot AND c.algorithm = i.algorithm)
    AND NOT EXISTS (SELECT 1 FROM sync_exception e WHERE e.device_id = d.device_id AND e.due_at IS NOT NULL
        AND e.pin = i.pin AND e.kind = i.kind AND e.slot = i.slot AND e.algorithm = i.algorithm);
