-- One row for each operation that was done, or barred, in this database. Run it in the schema of the business tables.
CREATE TABLE IF NOT EXISTS txn_barrier (
  -- "C": ids that differ only in case are different ids, whatever the database's collation.
  scope text COLLATE "C" NOT NULL DEFAULT '',
  gid text COLLATE "C" NOT NULL,
  branch_id text COLLATE "C" NOT NULL,
  op text COLLATE "C" NOT NULL,
  barrier_id text COLLATE "C" NOT NULL DEFAULT '01',
  -- The operation that wrote the row. Another one than `op`: it came first, and bars `op` for ever.
  reason text COLLATE "C" NOT NULL,
  fingerprint bytea,
  result jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, gid, branch_id, op, barrier_id)
);
