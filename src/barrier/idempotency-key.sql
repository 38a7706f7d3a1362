-- One row for each Idempotency-Key: with a status the reply is kept, without one the request runs, or its process died.
CREATE TABLE IF NOT EXISTS idempotency_key (
  scope text COLLATE "C" NOT NULL,
  key text COLLATE "C" NOT NULL,
  fingerprint text NOT NULL,
  owner text NOT NULL,
  locked_until timestamptz NOT NULL,
  status smallint,
  headers jsonb,
  body bytea,
  expires_at timestamptz NOT NULL,
  PRIMARY KEY (scope, key)
);
CREATE INDEX IF NOT EXISTS idempotency_key_expires_at ON idempotency_key (expires_at);
