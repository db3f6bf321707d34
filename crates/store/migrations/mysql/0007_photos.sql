-- Photos in the form in which devices take them, and photos that devices fetch.
-- Each statement finds its work done where it is run again.

ALTER TABLE item ADD COLUMN made_of BIGINT;        -- of a template that a device made of a comparison photo: the version of that photo
ALTER TABLE device ADD COLUMN photo_delivery VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin;  -- inline or url; NULL inline

-- What was made of a photo for devices that take only small ones. Of earlier versions only the hash stays, for a while:
-- a device that was away may still upload one.
CREATE TABLE photo_form (
    item_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,               -- the version of the photo
    most_bytes BIGINT NOT NULL,        -- how large the JPEG was to be at most
    hash VARBINARY(16),                          -- keyed, as that of an item; NULL: it goes as it is, nothing could be made of it
    sealed MEDIUMBLOB,
    made_at BIGINT NOT NULL,
    PRIMARY KEY (item_id, seq, most_bytes),
    FOREIGN KEY (item_id) REFERENCES item (item_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX photo_form_made ON photo_form (made_at);

-- Photos for one device to fetch once, under names that nobody can guess. What is served is what the fleet holds then: a
-- photo that was replaced or deleted is not.
CREATE TABLE offered_photo (
    token VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,    -- random, in its URL
    device_id BIGINT NOT NULL,
    item_id BIGINT NOT NULL,
    seq BIGINT NOT NULL,               -- the version of the photo
    most_bytes BIGINT NOT NULL,        -- how large the JPEG may be
    expires_at BIGINT NOT NULL,
    fetched_at BIGINT,
    FOREIGN KEY (device_id) REFERENCES device (device_id)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE INDEX offered_photo_expires ON offered_photo (expires_at);
