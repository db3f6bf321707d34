-- The PINs of users that have letters, in lower case: no two users may differ in nothing else. What is deleted stays in here.
CREATE TABLE spelling (
    pin_folded TEXT NOT NULL,
    pin TEXT NOT NULL,
    PRIMARY KEY (pin_folded, pin)
) STRICT, WITHOUT ROWID;
INSERT INTO spelling (pin_folded, pin) SELECT LOWER(pin), pin FROM item WHERE kind = 0 AND UPPER(pin) <> LOWER(pin);
DROP INDEX item_folded;
ALTER TABLE item DROP COLUMN pin_folded;
