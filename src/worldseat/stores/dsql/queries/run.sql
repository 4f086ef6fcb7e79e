-- name: take_lease
INSERT INTO lease (lease_name, holder, expires_at)
VALUES ($1, $2, now() + $3::text::interval)
ON CONFLICT (lease_name) DO UPDATE
SET holder = excluded.holder, expires_at = excluded.expires_at
WHERE lease.holder = excluded.holder OR lease.expires_at < now();

-- name: give_lease
DELETE FROM lease WHERE lease_name = $1 AND holder = $2;

-- name: end_lease
DELETE FROM lease WHERE holder = $1;

-- name: lease_holder
SELECT holder FROM lease WHERE lease_name = $1 AND expires_at >= now();

-- name: begin_run
INSERT INTO run (
    run_id, event_id, round_id, seat_index, seat, store, stand_in, code, arrival, buyers, seed,
    regions, git_commit, lag_ms, status
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'running')
ON CONFLICT (run_id) DO NOTHING;

-- name: finish_run
UPDATE run
SET status = $2, result = $3, finished_at = now()
WHERE run_id = $1 AND status = 'running';

-- name: add_history
INSERT INTO run_history (run_id, piece, body)
SELECT run_id, $2::integer, $3::bytea
FROM run
WHERE run_id = $1 AND status = 'running'
ON CONFLICT (run_id, piece) DO NOTHING;

-- name: history
SELECT body FROM run_history WHERE run_id = $1 ORDER BY piece;

-- name: run
SELECT
    run_id, event_id, round_id, seat_index, seat, store, stand_in, code, arrival, buyers, seed,
    regions, git_commit, lag_ms, status, started_at, finished_at, result
FROM run
WHERE run_id = $1;

-- name: runs
SELECT
    run_id, event_id, round_id, seat_index, seat, store, stand_in, code, arrival, buyers, seed,
    regions, git_commit, lag_ms, status, started_at, finished_at, result
FROM run
WHERE
    ($1::text IS NULL OR event_id = $1)
    AND ($2::text IS NULL OR round_id = $2)
ORDER BY started_at DESC, run_id
LIMIT $3;

-- name: unfinished_runs
SELECT
    run_id, event_id, round_id, seat_index, seat, store, stand_in, code, arrival, buyers, seed,
    regions, git_commit, lag_ms, status, started_at, finished_at, result
FROM run
WHERE status = 'running'
ORDER BY started_at;
