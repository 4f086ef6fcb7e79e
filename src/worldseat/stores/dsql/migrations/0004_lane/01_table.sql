-- One writer's connection life. closed_seq is how far it came, written when it closed in good order;
-- a lane of a killed process keeps NULL and is followed until it is older than a session can be.
CREATE TABLE lane (
    lane text PRIMARY KEY,
    region text NOT NULL,
    process text NOT NULL,
    opened_at timestamptz NOT NULL DEFAULT now(),
    closed_seq bigint
);
