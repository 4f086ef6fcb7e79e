-- One stampede at a time, whatever process fires it. A lease ends by itself when its holder dies.
CREATE TABLE lease (
    lease_name text PRIMARY KEY,
    holder text NOT NULL,
    expires_at timestamptz NOT NULL
);
