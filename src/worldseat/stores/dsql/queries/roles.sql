-- name: role
SELECT rolcanlogin FROM pg_roles WHERE rolname = $1;

-- name: mapped
SELECT arn FROM sys.iam_pg_role_mappings WHERE pg_role_name = $1 ORDER BY arn;

-- name: tables
SELECT c.relname::text AS relation
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
WHERE n.nspname = 'public' AND c.relkind = 'r';

-- name: schema
SELECT
    has_schema_privilege($1::text::name, 'public', 'USAGE') AS uses,
    has_schema_privilege($1::text::name, 'public', 'CREATE') AS creates;

-- name: held
SELECT c.relname::text AS relation, v.verb, '' AS attribute
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
CROSS JOIN
    unnest(
        ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']
    ) AS v (verb)
WHERE
    n.nspname = 'public'
    AND c.relkind = 'r'
    AND has_table_privilege($1::text::name, c.oid, v.verb)
UNION ALL
SELECT c.relname::text, v.verb, a.attname::text
FROM pg_class AS c
INNER JOIN pg_namespace AS n ON c.relnamespace = n.oid
INNER JOIN pg_attribute AS a ON c.oid = a.attrelid
CROSS JOIN unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS v (verb)
WHERE
    n.nspname = 'public'
    AND c.relkind = 'r'
    AND a.attnum > 0
    AND NOT a.attisdropped
    AND has_column_privilege($1::text::name, c.oid, a.attnum, v.verb)
    AND NOT has_table_privilege($1::text::name, c.oid, v.verb);
