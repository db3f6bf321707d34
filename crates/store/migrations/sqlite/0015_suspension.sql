-- People whom an operator keeps off every terminal, and people who are to leave. Their items stay.

-- While somebody is suspended no membership of theirs is live: this row remembers the areas.
CREATE TABLE suspension (
    pin TEXT NOT NULL PRIMARY KEY,
    life_seq INTEGER NOT NULL,      -- the life of the PIN that is suspended; the row means nothing for any other
    since_at INTEGER NOT NULL,      -- ms
    areas TEXT NOT NULL,            -- the areas that the person returns to: 1,2
    until_day TEXT,                 -- the last day, 2027-03-12, in the time zone of the server; NULL until an operator reinstates
    has_left INTEGER NOT NULL       -- 1: the last day of the person has passed
) STRICT, WITHOUT ROWID;

-- The last day of people who are to leave. The row goes when the person has left.
CREATE TABLE leaving (
    pin TEXT NOT NULL PRIMARY KEY,
    life_seq INTEGER NOT NULL,      -- the life of the PIN that it is about
    last_day TEXT NOT NULL          -- 2027-03-31, in the time zone of the server
) STRICT, WITHOUT ROWID;
