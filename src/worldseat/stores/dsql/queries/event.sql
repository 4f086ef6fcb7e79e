-- name: events
SELECT event_id, title, mode, chart, price_minor, currency, current_round_id
FROM event
WHERE current_round_id IS NOT NULL
ORDER BY created_at, event_id;

-- name: event
SELECT event_id, title, mode, chart, price_minor, currency, current_round_id
FROM event
WHERE event_id = $1 AND current_round_id IS NOT NULL;

-- name: create_event
INSERT INTO event (
    event_id, title, mode, venue_name, chart, chart_digest, seat_count, price_minor, currency
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
ON CONFLICT (event_id) DO NOTHING;

-- name: rounds
SELECT event_id, round_id, round_number, mode, seat_count, created_at
FROM sale_round
WHERE event_id = $1
ORDER BY round_number;

-- name: prepare_round
INSERT INTO sale_round (event_id, round_id, round_number, mode, seat_count)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (event_id, round_id) DO NOTHING;

-- name: filled
SELECT count(*) FROM seat WHERE event_id = $1 AND round_id = $2;

-- name: fill_round
INSERT INTO seat (event_id, round_id, seat_index, status, op_id)
SELECT $1, $2, place, 'open', 'root'
FROM generate_series($3::integer, $4::integer) AS place
ON CONFLICT (event_id, round_id, seat_index) DO NOTHING;

-- name: make_current
UPDATE event
SET current_round_id = $2
WHERE event_id = $1 AND current_round_id IS NOT DISTINCT FROM $3;
