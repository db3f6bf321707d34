-- What a device has room for, and whether it keeps what it takes.

ALTER TABLE device ADD COLUMN loads TEXT;      -- how many of each kind it holds, of kinds of which it tells how many it takes: `kind:held:tried at`, separated by commas
ALTER TABLE device ADD COLUMN read_back TEXT;  -- the template that it is asked for: `stage;order;since;seq;misses;kind;slot;algorithm;pin`, stage again, asked or answered
