"""Every statement of the foil. Tables are found by the search path: see `Place.schema`."""

READ_SEAT = """
SELECT status, fan_id, op_id
FROM seats_naive
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3
"""

WRITE_SEAT = """
UPDATE seats_naive
SET status = 'sold', fan_id = $4, op_id = $5, run_id = $6
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3
"""

WRITE_SEAT_IF = """
UPDATE seats_naive
SET status = 'sold', fan_id = $4, op_id = $5, run_id = $6
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3 AND status = 'open' AND op_id = $7
"""

RELEASE_SEAT_IF = """
UPDATE seats_naive
SET status = 'open', fan_id = NULL, op_id = $4, run_id = $5
WHERE event_id = $1 AND round_id = $2 AND seat_index = $3 AND op_id = $6
"""

APPEND = """
INSERT INTO sales_naive (
    run_id, op_id, claim_id, event_id, round_id, seat_index, mode, kind, fan_id,
    prev_op_id, request_hash, code, region, lane, lane_seq
)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""

# A run writes both before anybody fires. Two first writers of a seat that had no row would meet in
# its primary key, and that would stop the second one at any isolation level.
MARK_RUN = "INSERT INTO runs_begun (run_id) VALUES ($1) ON CONFLICT DO NOTHING"

MAKE_SEAT = """
INSERT INTO seats_naive (event_id, round_id, seat_index, status, fan_id, op_id, run_id)
VALUES ($1, $2, $3, 'open', NULL, $4, NULL)
ON CONFLICT DO NOTHING
"""

FLOOR = """
SELECT seat_index, status, fan_id, op_id
FROM seats_naive
WHERE event_id = $1 AND round_id = $2
ORDER BY seat_index
"""

SOLD_IN_RUN = """
SELECT EXISTS (
    SELECT FROM seats_naive AS s
    INNER JOIN sales_naive AS l ON s.run_id = l.run_id AND s.op_id = l.op_id
    WHERE
        s.event_id = $1 AND s.round_id = $2 AND s.seat_index = $3 AND s.op_id = $4
        AND l.kind = 'sell'
)
"""

RUN_IS_MARKED = "SELECT EXISTS (SELECT FROM runs_begun WHERE run_id = $1)"

SALES_OF_RUN = """
SELECT
    run_id, op_id, claim_id, event_id, round_id, seat_index, mode, kind, fan_id,
    prev_op_id, request_hash, code, region, lane, lane_seq, recorded_at
FROM sales_naive
WHERE run_id = $1 AND event_id = $2 AND round_id = $3 AND seat_index = $4 AND kind = 'sell'
ORDER BY recorded_at, op_id
"""

ISOLATION = "SHOW transaction_isolation"

IS_MADE = """
SELECT
    to_regclass('seats_naive') IS NOT NULL
    AND to_regclass('sales_naive') IS NOT NULL
    AND to_regclass('runs_begun') IS NOT NULL
"""

HAS_LEDGER = "SELECT to_regclass('sales_naive') IS NOT NULL"

FORGET_MARKS = "DROP TABLE IF EXISTS runs_begun"

HAS_SCHEMA = "SELECT to_regnamespace($1) IS NOT NULL"

# Two processes that make the same table at once meet in the catalog: here they take turns.
TAKE_TURNS = "SELECT pg_advisory_xact_lock(hashtext('worldseat foil tables'))"

# No key, check or lock beyond what holds the rows together: the foil shows what the isolation level
# does by itself. `seats_naive` has one row per seat that a run was fired at, `sales_naive` is the
# append-only ledger, and `runs_begun` tells an empty ledger from a lost one.
TABLES = """
CREATE TABLE IF NOT EXISTS seats_naive (
    event_id text NOT NULL,
    round_id text NOT NULL,
    seat_index integer NOT NULL,
    status text NOT NULL,
    fan_id text,
    op_id text NOT NULL,
    run_id text,
    PRIMARY KEY (event_id, round_id, seat_index)
);
CREATE TABLE IF NOT EXISTS sales_naive (
    run_id text NOT NULL,
    op_id text NOT NULL,
    claim_id text NOT NULL,
    event_id text NOT NULL,
    round_id text NOT NULL,
    seat_index integer NOT NULL,
    mode text NOT NULL,
    kind text NOT NULL,
    fan_id text NOT NULL,
    prev_op_id text NOT NULL,
    request_hash text NOT NULL,
    code text,
    region text NOT NULL,
    lane text NOT NULL,
    lane_seq bigint NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (run_id, op_id)
);
CREATE TABLE IF NOT EXISTS runs_begun (
    run_id text PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT now()
);
"""
