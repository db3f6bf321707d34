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
    by_operator BIGINT NOT NULL,       -- 1: an operator ended that life
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
