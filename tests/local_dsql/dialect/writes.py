"""Writes that can be answered from a snapshot, with their parameters."""

from collections.abc import Sequence

CASES: list[tuple[str, Sequence[object]]] = [
    ("UPDATE seat SET name = 'new' WHERE id = 1", ()),
    ("UPDATE seat SET name = 'new'", ()),
    ("UPDATE seat SET name = 'new' WHERE id = 99", ()),
    ("UPDATE seat SET name = NULL WHERE name IS NOT NULL RETURNING *", ()),
    ("UPDATE seat SET name = $2, at = $3 WHERE id = $1 RETURNING id, name, at", (1, "n", None)),
    ("UPDATE seat SET name = $2, small = $3 WHERE id = $1", (1, "n", 7)),
    ("UPDATE seat SET price = price * 2 + 0.005 RETURNING id, price, price::text", ()),
    ("UPDATE seat SET price = $1, code = $2 RETURNING price, code", (3, "ab")),
    ("UPDATE seat AS s SET name = s.name || '!' WHERE s.id < 4 RETURNING s.name, s.*", ()),
    ("UPDATE dialect.seat SET small = small - -1 WHERE small < 9 RETURNING seat.small, id", ()),
    ('UPDATE seat SET "Odd ""Name" = id || \'"\' RETURNING "Odd ""Name" AS "A b", id', ()),
    ("UPDATE seat SET (name, small) = ('two', id), price = id RETURNING name, small, price", ()),
    ("UPDATE seat SET (name, small) = ROW ($1, $2) RETURNING name, small", ("q", 5)),
    (
        "UPDATE seat SET small = 1.5 RETURNING small, small + 1, upper(name), coalesce(name, 'x')",
        (),
    ),
    ("UPDATE seat SET body = body || '{\"b\": 2}' RETURNING body -> 'b' AS b, body::text", ()),
    ("UPDATE seat SET at = at + interval '1 day' RETURNING at, extract(day FROM at)", ()),
    ("UPDATE seat SET at = '2026-02-03' RETURNING at, CASE WHEN id > 2 THEN at END", ()),
    ("UPDATE seat SET name = DEFAULT, price = DEFAULT WHERE id = 1", ()),
    ("UPDATE seat SET name = 'x' WHERE id IN (SELECT o.id FROM other AS o) RETURNING id", ()),
    (
        """
        UPDATE seat SET name = (SELECT max(word) FROM other WHERE other.id = seat.id)
        RETURNING id, name, (SELECT count(*) FROM other AS o WHERE o.word = name)
        """,
        (),
    ),
    ("UPDATE seat SET id = id + 10 WHERE id > 2 RETURNING id", ()),
    ("UPDATE ONLY seat SET name = name WHERE NOT (id = 1 OR id = 2 AND small IS NULL)", ()),
    ("UPDATE seat SET name = 'x' WHERE (id, name) IS DISTINCT FROM ROW (1, 'one')", ()),
    ('UPDATE "Weird Table" SET "select" = "select" + 1 RETURNING "Weird Table"."select"', ()),
    ('UPDATE "Weird Table" AS "or" SET "UPPER" = $1 WHERE "or"."select" = $2', ("z", 2)),
    ("UPDATE seat SET name = other.word FROM other WHERE other.id = seat.id", ()),
    (
        """
        UPDATE seat SET name = o.word || $1 FROM other AS o, unnest($2::text[]) AS w (word)
        WHERE o.id = seat.id AND w.word = o.word
        """,
        ("!", ["uno", "ein"]),
    ),
    ("DELETE FROM seat", ()),
    ("DELETE FROM seat WHERE id > $1", (2,)),
    ("DELETE FROM seat WHERE id > $1 RETURNING *", (2,)),
    ("DELETE FROM seat AS s WHERE s.name LIKE '%\\t%' RETURNING s.id, s.name || '', s", ()),
    ("DELETE FROM dialect.seat WHERE id = 1 RETURNING dialect.seat.name, price AS p, ctid", ()),
    ("DELETE FROM seat USING other WHERE other.id = seat.id", ()),
    ('DELETE FROM "Weird Table" WHERE "select" IS NULL RETURNING "UPPER"', ()),
    (
        """
        WITH p AS (SELECT id AS x FROM seat WHERE id > $1 ORDER BY id LIMIT 1 FOR UPDATE)
        UPDATE seat SET name = $2 FROM p WHERE id = x
        """,
        (1, "picked"),
    ),
    (
        """
        WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 3)
        UPDATE seat SET small = (SELECT sum(x) FROM n)
        WHERE id IN (SELECT x FROM n FOR UPDATE) RETURNING id, small, (SELECT max(x) FROM n)
        """,
        (),
    ),
    (
        """
        UPDATE seat SET name = 'x'
        WHERE id = (SELECT id FROM seat WHERE small > 1 LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *
        """,
        (),
    ),
    ("WITH seat AS (SELECT 2 AS x) DELETE FROM dialect.seat USING seat AS s WHERE id = x", ()),
    ("WITH w AS (SELECT 2 AS x) DELETE FROM seat WHERE id IN (SELECT x FROM w) RETURNING id", ()),
    ("WITH w AS (SELECT 2 AS x) INSERT INTO other (id) SELECT x FROM w RETURNING id", ()),
    ("INSERT INTO other (id) SELECT id FROM seat FOR UPDATE", ()),
    ("INSERT INTO other VALUES (7, 'seven')", ()),
    ("INSERT INTO other (word) VALUES ($1), ('b'), (DEFAULT), (NULL)", ("a",)),
    ("INSERT INTO other (word, id) VALUES ($1, $2), ('b', 3) RETURNING id, word", ("a", 1)),
    ("INSERT INTO other VALUES ($1, $2) RETURNING *", (5, "five")),
    ("INSERT INTO other (word, id) VALUES ('six', 6) RETURNING *, other.*", ()),
    ("INSERT INTO other AS o (id) VALUES ($1 + 1) RETURNING o.id + 1, o.id::text", (5,)),
    ("INSERT INTO seat (id, price, small) VALUES (10, 1.005, 2.5) RETURNING price, small", ()),
    (
        "INSERT INTO seat (id, body, at, code) VALUES ($1, $2, $3, $4) RETURNING body, at, code",
        (11, '{"k": [1]}', None, "abc"),
    ),
    ("INSERT INTO other SELECT id, name FROM seat WHERE id < $1", (3,)),
    (
        "INSERT INTO other (word, id) SELECT $1, id FROM seat ORDER BY id LIMIT 2 RETURNING *",
        ("w",),
    ),
    (
        """
        INSERT INTO seat (id, small, name) SELECT place, $1, 'lit'
        FROM generate_series(20, 22) AS place RETURNING id, small, name
        """,
        (4,),
    ),
    ("INSERT INTO other (id, word) SELECT 1, 'a' UNION ALL SELECT 2, 'b' RETURNING word", ()),
    ("INSERT INTO other (id, word) SELECT * FROM other RETURNING word", ()),
    ("INSERT INTO seat (name, id, code) SELECT $1, *, 'abc' FROM (SELECT 9) AS q", ("n",)),
    ("INSERT INTO seat (name, id, code) SELECT *, 'abc' FROM (SELECT 'n', 9) AS q", ()),
    ("INSERT INTO other DEFAULT VALUES", ()),
    ("INSERT INTO other DEFAULT VALUES RETURNING 'x'", ()),
    ("INSERT INTO other (id) WITH n AS (SELECT 3 AS x) SELECT x FROM n RETURNING id", ()),
    ('INSERT INTO "Weird Table" ("UPPER", "select") VALUES (\'q\', 1) RETURNING "select"', ()),
    ("INSERT INTO seat (id, name) OVERRIDING SYSTEM VALUE VALUES (30, 'o')", ()),
]
