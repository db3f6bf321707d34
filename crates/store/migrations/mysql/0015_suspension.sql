-- People whom an operator keeps off every terminal, and people who are to leave. Their items stay.

-- While somebody is suspended no membership of theirs is live: this row remembers the areas.
CREATE TABLE suspension (
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    life_seq BIGINT NOT NULL,      -- the life of the PIN that is suspended; the row means nothing for any other
    since_at BIGINT NOT NULL,      -- ms
    areas MEDIUMTEXT NOT NULL,     -- the areas that the person returns to: 1,2
    until_day VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin, -- the last day, 2027-03-12, in the time zone of the server; NULL until an operator reinstates
    has_left BIGINT NOT NULL       -- 1: the last day of the person has passed
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- The last day of people who are to leave. The row goes when the person has left.
CREATE TABLE leaving (
    pin VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    life_seq BIGINT NOT NULL,      -- the life of the PIN that it is about
    last_day VARCHAR(10) CHARACTER SET ascii COLLATE ascii_bin NOT NULL -- 2027-03-31, in the time zone of the server
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
