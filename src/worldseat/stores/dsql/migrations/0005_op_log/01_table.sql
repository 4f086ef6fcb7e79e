-- The append-only log of committed transitions. The schema has the last word (design §5.2): the
-- guard makes a fork impossible for every row that is not a stampede's own naive or conditional one,
-- and a row of a stampede cannot name a live round, because the id of a round carries its mode.
CREATE TABLE op_log (
    op_id text PRIMARY KEY,
    claim_id text NOT NULL,
    event_id text NOT NULL,
    round_id text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    seat_index integer NOT NULL CHECK (seat_index >= 0),
    kind text NOT NULL CHECK (kind IN ('sell', 'release', 'void')),
    fan_id text NOT NULL,
    prev_op_id text NOT NULL,
    guard_op_id text,
    request_hash text NOT NULL,
    code text CHECK (code IN ('naive', 'conditional', 'engine')),
    run_id text,
    region text NOT NULL,
    lane text NOT NULL,
    lane_seq bigint NOT NULL CHECK (lane_seq > 0),
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT op_log_guard UNIQUE (event_id, round_id, seat_index, guard_op_id),
    CONSTRAINT op_log_lane UNIQUE (lane, lane_seq),
    CONSTRAINT op_log_mode_is_the_rounds CHECK (split_part(round_id, '-', 1) = mode),
    CONSTRAINT op_log_stampede_is_a_rehearsal CHECK (run_id IS NULL OR mode = 'rehearsal'),
    CONSTRAINT op_log_guard_equals_prev CHECK (guard_op_id IS NULL OR guard_op_id = prev_op_id),
    CONSTRAINT op_log_only_a_stampede_is_unguarded CHECK (
        (guard_op_id IS NULL) = (
            kind = 'void'
            OR (kind = 'sell' AND run_id IS NOT NULL AND code IS NOT NULL AND code <> 'engine')
        )
    ),
    CONSTRAINT op_log_sale_names_its_code CHECK (kind <> 'sell' OR code IS NOT NULL),
    CONSTRAINT op_log_void_is_outside CHECK ((kind = 'void') = (prev_op_id = 'outside'))
);
