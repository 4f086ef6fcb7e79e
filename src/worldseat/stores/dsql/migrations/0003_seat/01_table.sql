-- The seat as a versioned register: op_id is the transition that made it what it is (design §5.1).
CREATE TABLE seat (
    event_id text NOT NULL,
    round_id text NOT NULL,
    seat_index integer NOT NULL CHECK (seat_index >= 0),
    status text NOT NULL,
    fan_id text,
    op_id text NOT NULL,
    PRIMARY KEY (event_id, round_id, seat_index),
    CONSTRAINT seat_has_an_owner_when_sold CHECK (
        (status = 'open' AND fan_id IS NULL) OR (status = 'sold' AND fan_id IS NOT NULL)
    )
);
