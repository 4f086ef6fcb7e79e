-- name: read_seat
SELECT status, fan_id, op_id
FROM seat
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3;

-- name: write_seat
UPDATE seat
SET status = 'sold', fan_id = $4, op_id = $5
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3;

-- name: write_seat_if
UPDATE seat
SET status = 'sold', fan_id = $4, op_id = $5
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3 AND status = 'open' AND op_id = $6;

-- name: release_seat_if
UPDATE seat
SET status = 'open', fan_id = NULL, op_id = $4
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3 AND op_id = $5;

-- name: append
INSERT INTO op_log (
    op_id, claim_id, event_id, round_id, mode, seat_index, kind, fan_id,
    prev_op_id, guard_op_id, request_hash, code, run_id, region, lane, lane_seq
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16);

-- name: floor
SELECT seat_index, status, fan_id, op_id
FROM seat
WHERE event_id = $1 AND round_id = $2
ORDER BY seat_index;

-- name: isolation
SHOW transaction_isolation;

-- name: server_version
SHOW server_version;
