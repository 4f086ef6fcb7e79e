-- name: find_op
SELECT
    op_id, claim_id, event_id, round_id, mode, seat_index, kind, fan_id, prev_op_id, guard_op_id,
    request_hash, code, run_id, region, lane, lane_seq, recorded_at
FROM op_log
WHERE op_id = $1;

-- name: log_of_round
SELECT
    op_id, claim_id, event_id, round_id, mode, seat_index, kind, fan_id, prev_op_id, guard_op_id,
    request_hash, code, run_id, region, lane, lane_seq, recorded_at
FROM op_log
WHERE event_id = $1 AND round_id = $2
ORDER BY seat_index, recorded_at, op_id;

-- name: newest_of_round
SELECT
    op_id, claim_id, event_id, round_id, mode, seat_index, kind, fan_id, prev_op_id, guard_op_id,
    request_hash, code, run_id, region, lane, lane_seq, recorded_at
FROM op_log
WHERE event_id = $1 AND round_id = $2
ORDER BY recorded_at DESC, op_id
LIMIT $3;

-- name: lanes_of_round
SELECT o.lane, string_agg(o.lane_seq::text, ',') AS lane_seqs
FROM op_log AS o
WHERE o.lane IN (SELECT r.lane FROM op_log AS r WHERE r.event_id = $1 AND r.round_id = $2)
GROUP BY o.lane;

-- name: sales_of_run
SELECT
    op_id, claim_id, event_id, round_id, mode, seat_index, kind, fan_id, prev_op_id, guard_op_id,
    request_hash, code, run_id, region, lane, lane_seq, recorded_at
FROM op_log
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3 AND run_id = $4 AND kind = 'sell'
ORDER BY recorded_at, op_id;

-- name: sales_of_fan
SELECT
    o.op_id, o.claim_id, o.event_id, o.round_id, o.mode, o.seat_index, o.kind, o.fan_id,
    o.prev_op_id, o.guard_op_id, o.request_hash, o.code, o.run_id, o.region, o.lane, o.lane_seq,
    o.recorded_at,
    coalesce(s.op_id = o.op_id AND e.current_round_id = o.round_id, false) AS valid
FROM op_log AS o
INNER JOIN event AS e ON o.event_id = e.event_id
LEFT JOIN seat AS s
    ON
        o.event_id = s.event_id
        AND o.round_id = s.round_id
        AND o.seat_index = s.seat_index
WHERE o.fan_id = $1 AND o.kind = 'sell'
ORDER BY o.recorded_at DESC, o.op_id
LIMIT 500;

-- name: open_lane
INSERT INTO lane (lane, region, process) VALUES ($1, $2, $3);

-- name: close_lanes
UPDATE lane
SET closed_seq = c.closed_seq::bigint
FROM unnest($1::text[], $2::text[]) AS c (lane, closed_seq)
WHERE lane.lane = c.lane;

-- name: lane_ends
SELECT
    l.lane, l.opened_at, l.closed_seq,
    coalesce((SELECT max(o.lane_seq) FROM op_log AS o WHERE o.lane = l.lane), 0) AS seq
FROM lane AS l
WHERE l.opened_at > now() - interval '75 minutes';

-- name: follow_lanes
SELECT l.lane, l.opened_at, l.closed_seq
FROM lane AS l
INNER JOIN unnest($1::text[]) AS p (lane) ON l.lane = p.lane
UNION
SELECT l.lane, l.opened_at, l.closed_seq
FROM lane AS l
WHERE l.opened_at > $2::timestamptz AND l.opened_at > now() - interval '75 minutes';

-- name: follow_rows
SELECT
    o.op_id, o.claim_id, o.event_id, o.round_id, o.mode, o.seat_index, o.kind, o.fan_id,
    o.prev_op_id, o.guard_op_id, o.request_hash, o.code, o.run_id, o.region, o.lane, o.lane_seq,
    o.recorded_at, s.status AS seat_status, s.fan_id AS seat_fan_id, s.op_id AS seat_op_id
FROM unnest($1::text[], $2::text[]) AS p (lane, seq)
INNER JOIN op_log AS o ON o.lane = p.lane AND o.lane_seq > p.seq::bigint
INNER JOIN seat AS s
    ON
        o.event_id = s.event_id
        AND o.round_id = s.round_id
        AND o.seat_index = s.seat_index
ORDER BY o.lane, o.lane_seq
LIMIT 2000;

-- name: now_showing
SELECT
    e.event_id, e.current_round_id, now() AS as_of_at,
    (
        SELECT r.run_id || ' ' || r.status
        FROM run AS r
        WHERE r.event_id = e.event_id
        ORDER BY r.started_at DESC, r.run_id
        LIMIT 1
    ) AS newest_run
FROM event AS e
WHERE e.current_round_id IS NOT NULL;
