-- The PINs of users that have letters, in lower case: no two users may differ in nothing else. Of the others, which are most, it
-- has nothing, where an index of `item` had a row for each. What is deleted stays in here.
CREATE TABLE spelling (
    pin_folded VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    PRIMARY KEY (pin_folded, pin)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
INSERT IGNORE INTO spelling (pin_folded, pin) SELECT LOWER(pin), pin FROM item WHERE kind = 0 AND UPPER(pin) <> LOWER(pin);
DROP INDEX item_folded ON item;
ALTER TABLE item DROP COLUMN pin_folded;
