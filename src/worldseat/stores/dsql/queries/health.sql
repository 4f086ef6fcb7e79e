-- name: answers
SELECT 1;

-- name: commits
INSERT INTO lease (lease_name, holder, expires_at)
VALUES ($1, 'health', now())
ON CONFLICT (lease_name) DO UPDATE
SET expires_at = excluded.expires_at;

-- name: user
SELECT current_user;

-- name: clock
SELECT clock_timestamp();
