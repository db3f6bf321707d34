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
    by_operator INTEGER NOT NULL,       -- 1: an operator ended that life
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
