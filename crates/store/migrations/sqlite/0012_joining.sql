-- A device that is being taken in: what it showed, and when it was asked. And a device that holds more people than it should.

ALTER TABLE device ADD COLUMN roster_asked_at INTEGER;         -- while it is being taken in: when it was first asked for all its people; NULL: not yet
ALTER TABLE device ADD COLUMN roster_complete INTEGER NOT NULL DEFAULT 1;  -- 0: it is being taken in, or that ended before it had shown all its people
ALTER TABLE device ADD COLUMN surplus_expected INTEGER; -- it holds more people than it should: how many it should hold; NULL: it does not
ALTER TABLE device ADD COLUMN surplus_asked_at INTEGER; -- when it was last asked for all its people because of that

-- The people whose records a device uploaded since its approval. The rows go when it is taken in.
CREATE TABLE roster_shown (
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    pin TEXT NOT NULL,
    PRIMARY KEY (device_id, pin)
) STRICT, WITHOUT ROWID;

-- Devices that were being taken in before this: their first connection since the approval, or else their last upload.
UPDATE device SET roster_complete = 0, roster_asked_at = COALESCE(
    (SELECT MIN(s.opened_at) FROM device_session s WHERE s.device_id = device.device_id AND s.opened_at >= device.approved_at),
    heard_at
) WHERE joining IS NOT NULL;
