-- Photos in the form in which devices take them, and photos that devices fetch.

ALTER TABLE item ADD COLUMN made_of INTEGER;        -- of a template that a device made of a comparison photo: the version of that photo
ALTER TABLE device ADD COLUMN photo_delivery TEXT;  -- inline or url; NULL inline

-- What was made of a photo for devices that take only small ones. Of earlier versions only the hash stays, for a while:
-- a device that was away may still upload one.
CREATE TABLE photo_form (
    item_id INTEGER NOT NULL REFERENCES item (item_id),
    seq INTEGER NOT NULL,               -- the version of the photo
    most_bytes INTEGER NOT NULL,        -- how large the JPEG was to be at most
    hash BLOB,                          -- keyed, as that of an item; NULL: it goes as it is, nothing could be made of it
    sealed BLOB,
    made_at INTEGER NOT NULL,
    PRIMARY KEY (item_id, seq, most_bytes)
) STRICT, WITHOUT ROWID;
CREATE INDEX photo_form_made ON photo_form (made_at);

-- Photos for one device to fetch once, under names that nobody can guess. What is served is what the fleet holds then: a
-- photo that was replaced or deleted is not.
CREATE TABLE offered_photo (
    token TEXT NOT NULL PRIMARY KEY,    -- random, in its URL
    device_id INTEGER NOT NULL REFERENCES device (device_id),
    item_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,               -- the version of the photo
    most_bytes INTEGER NOT NULL,        -- how large the JPEG may be
    expires_at INTEGER NOT NULL,
    fetched_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX offered_photo_expires ON offered_photo (expires_at);
