-- The history of a run, compressed, in pieces of 512 kB or less, written once the run is over.
CREATE TABLE run_history (
    run_id text NOT NULL,
    piece integer NOT NULL CHECK (piece >= 0),
    body bytea NOT NULL,
    PRIMARY KEY (run_id, piece)
);
