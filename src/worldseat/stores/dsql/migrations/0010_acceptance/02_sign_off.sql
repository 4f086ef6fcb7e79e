-- Who vouched for a report, each in a row of its own: two at once lose nothing.
CREATE TABLE acceptance_sign_off (
    report_id text NOT NULL,
    signed_by text NOT NULL,
    signed_at text NOT NULL,
    note text NOT NULL,
    PRIMARY KEY (report_id, signed_by, signed_at)
);
