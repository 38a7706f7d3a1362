-- What can be reserved, and who has reserved how much of it. Run it in the schema of the business tables, beside txn_barrier.
CREATE TABLE IF NOT EXISTS txn_reservable (
  resource text COLLATE "C" NOT NULL,
  item text COLLATE "C" NOT NULL,
  -- Neither held nor taken.
  available bigint NOT NULL CHECK (available >= 0),
  PRIMARY KEY (resource, item)
);
CREATE TABLE IF NOT EXISTS txn_reservation (
  scope text COLLATE "C" NOT NULL DEFAULT '',
  transaction_id text COLLATE "C" NOT NULL,
  resource text COLLATE "C" NOT NULL,
  item text COLLATE "C" NOT NULL,
  amount bigint NOT NULL CHECK (amount > 0),
  -- 'held', then 'confirmed', 'cancelled', or 'expired': given back because its time was up.
  state text COLLATE "C" NOT NULL DEFAULT 'held',
  expires_at timestamptz NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (scope, transaction_id, resource)
);
CREATE INDEX IF NOT EXISTS txn_reservation_by_expiry ON txn_reservation (resource, expires_at) WHERE state = 'held';
