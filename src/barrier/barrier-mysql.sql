-- One row for each operation that was done, or barred, in this database: MySQL 8 and MariaDB 10.6 or newer. Run it in the database of the
-- business tables. They must be InnoDB too: what other engines write is not taken back.
CREATE TABLE IF NOT EXISTS txn_barrier (
  -- Ids as UTF-8 bytes. utf8mb4_bin tells case apart but not trailing spaces, and counts 4 bytes a character: four ids of up to 255 bytes would
  -- not fit the 3072 bytes of an InnoDB key.
  scope varbinary(255) NOT NULL,
  gid varbinary(255) NOT NULL,
  branch_id varbinary(255) NOT NULL,
  op varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  barrier_id varbinary(255) NOT NULL,
  -- The operation that wrote the row. Another one than `op`: it came first, and bars `op` for ever.
  reason varchar(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  fingerprint varbinary(64),
  result json,
  -- UTC.
  created_at datetime(6) NOT NULL,
  PRIMARY KEY (scope, gid, branch_id, op, barrier_id)
) ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin
