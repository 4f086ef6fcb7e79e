-- name: keep_report
INSERT INTO acceptance (report_id, digest, stand_in, finished_at, body)
VALUES ($1, $2, $3, $4::text::timestamptz, $5)
ON CONFLICT (report_id) DO NOTHING;

-- name: keep_sign_off
INSERT INTO acceptance_sign_off (report_id, signed_by, signed_at, note)
SELECT report_id, $3::text, $4::text, $5::text
FROM acceptance
WHERE report_id = $1 AND digest = $2
ON CONFLICT (report_id, signed_by, signed_at) DO NOTHING;

-- name: report
SELECT report_id, digest, stand_in, body
FROM acceptance
WHERE report_id = $1;

-- name: reports
SELECT report_id, digest, stand_in, body
FROM acceptance
WHERE ($1::boolean IS NULL OR (stand_in IS NULL) = $1)
ORDER BY finished_at DESC, report_id
LIMIT $2;

-- name: sign_offs
SELECT report_id, signed_by, signed_at, note
FROM acceptance_sign_off
WHERE report_id IN (SELECT unnest($1::text[]))
ORDER BY signed_at, signed_by;
