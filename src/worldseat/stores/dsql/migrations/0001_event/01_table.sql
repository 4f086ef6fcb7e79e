-- A show. Its mode is fixed; current_round_id names the round that fans see and buy in, and moves in
-- a transaction that touches this one row. A live event has exactly one round, so it cannot be reset.
CREATE TABLE event (
    event_id text PRIMARY KEY,
    title text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('live', 'rehearsal')),
    venue_name text NOT NULL,
    chart text NOT NULL,
    chart_digest text NOT NULL,
    seat_count integer NOT NULL CHECK (seat_count > 0),
    price_minor bigint NOT NULL CHECK (price_minor >= 0),
    currency text NOT NULL,
    current_round_id text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_round_has_its_mode
        CHECK (current_round_id IS NULL OR split_part(current_round_id, '-', 1) = mode),
    CONSTRAINT event_live_is_never_reset
        CHECK (mode = 'rehearsal' OR current_round_id IS NULL OR current_round_id = 'live-1')
);
