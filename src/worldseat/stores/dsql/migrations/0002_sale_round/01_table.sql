-- One pass over the floor of an event. It is `preparing` while the event does not name it yet, and
-- over once the event names a later one; neither needs a column. The mode can be read off the id.
CREATE TABLE sale_round (
    event_id text NOT NULL,
    round_id text NOT NULL,
    round_number integer NOT NULL CHECK (round_number > 0),
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    seat_count integer NOT NULL CHECK (seat_count > 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (event_id, round_id),
    CONSTRAINT sale_round_id_names_its_mode CHECK (round_id = mode || '-' || round_number)
);
