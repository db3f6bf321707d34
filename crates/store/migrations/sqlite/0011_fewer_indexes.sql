-- A first fill reads users by PIN from item_key: a few rows of each person more, where the index of users alone was written
-- with everything that was ever uploaded.
DROP INDEX item_scan;
