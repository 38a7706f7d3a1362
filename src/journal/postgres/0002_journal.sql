-- What lists show of transactions, and the plans they follow. The events of a transaction are the stream 'transaction' / id.

CREATE TABLE {{schema}}.plans (
  saga text COLLATE "C" NOT NULL,
  definition_version integer NOT NULL,
  plan json NOT NULL, -- json keeps the order of the steps, jsonb would not
  registered_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (saga, definition_version)
);

-- A transaction's row is also the head of its stream: `streams` has none of category 'transaction', which saves a fifth of each commit.
-- Times are whole milliseconds, so that a cursor made of what a list showed finds its place again.
CREATE TABLE {{schema}}.transactions (
  id text COLLATE "C" PRIMARY KEY,
  saga text COLLATE "C" NOT NULL,
  definition_version integer NOT NULL,
  status text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  tags jsonb NOT NULL,
  error text,
  started_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  ended_at timestamptz -- set once it is completed, compensated or terminated
) WITH (fillfactor = 70); -- most commits change no indexed column, and stay on their page if there is room

CREATE INDEX transactions_by_start ON {{schema}}.transactions (started_at, id);
CREATE INDEX transactions_by_saga ON {{schema}}.transactions (saga, started_at, id);
-- What people and the sweeper look for is rare; what completed is found by the time it started.
CREATE INDEX transactions_by_status ON {{schema}}.transactions (status, started_at, id) WHERE status <> 'completed';
CREATE INDEX transactions_by_end ON {{schema}}.transactions (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX transactions_by_tag ON {{schema}}.transactions USING gin (tags jsonb_path_ops) WHERE tags <> '{}';

-- Appends events to a transaction that has p_expected of them (0: starts it), with the summary that goes with them.
-- p_saga, p_definition_version and p_tags are read at the start only. p_channel: announce it there; null: don't.
-- The first row says whether it was committed and when; if not, the version it has (null: there is none), and the events the
-- writer had not seen follow, in order.
CREATE FUNCTION {{schema}}.commit_transaction(
  p_id text,
  p_expected bigint,
  p_event_types text[],
  p_event_data json[],
  p_status text,
  p_error text,
  p_ended boolean,
  p_channel text,
  p_saga text,
  p_definition_version integer,
  p_tags jsonb
) RETURNS TABLE (committed boolean, at_ms double precision, at_version double precision, event_type text, event_data json)
LANGUAGE plpgsql AS $$
DECLARE
  v_now CONSTANT timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_version CONSTANT bigint := p_expected + cardinality(p_event_types);
BEGIN
  IF p_expected = 0 THEN
    INSERT INTO {{schema}}.transactions
        (id, saga, definition_version, status, version, tags, error, started_at, updated_at, ended_at)
      VALUES (p_id, p_saga, p_definition_version, p_status, v_version, p_tags, p_error, v_now, v_now, CASE WHEN p_ended THEN v_now END)
      ON CONFLICT (id) DO NOTHING;
  ELSE
    UPDATE {{schema}}.transactions t
      SET status = p_status, version = v_version, error = p_error, updated_at = v_now,
        ended_at = CASE WHEN p_ended THEN coalesce(t.ended_at, v_now) END
      WHERE t.id = p_id AND t.version = p_expected;
  END IF;

  IF NOT FOUND THEN
    -- A statement of its own sees what the winner of the race has committed meanwhile.
    RETURN QUERY SELECT false, NULL::double precision,
      (SELECT t.version::double precision FROM {{schema}}.transactions t WHERE t.id = p_id), NULL, NULL::json;
    RETURN QUERY SELECT false, {{schema}}.ms(e."timestamp"), e.version::double precision, e.event_type, e.event_data
      FROM {{schema}}.events e
      WHERE e.aggregate_type = 'transaction' AND e.aggregate_id = p_id AND e.version > p_expected
      ORDER BY e.version;
    RETURN;
  END IF;

  INSERT INTO {{schema}}.events (aggregate_type, aggregate_id, version, event_type, event_data, "timestamp")
    SELECT 'transaction', p_id, p_expected + n.position, n.event_type, n.event_data, v_now
      FROM unnest(p_event_types, p_event_data) WITH ORDINALITY AS n (event_type, event_data, position)
      ORDER BY n.position;
  IF p_channel IS NOT NULL THEN
    PERFORM pg_notify(p_channel, p_id);
  END IF;
  RETURN QUERY SELECT true, {{schema}}.ms(v_now), v_version::double precision, NULL, NULL::json;
END
$$;

-- Removes up to p_limit transactions that ended before then, whole, the oldest first. Those in use now are left for another time.
CREATE FUNCTION {{schema}}.purge_transactions(p_ended_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_ids text[];
BEGIN
  SELECT coalesce(array_agg(d.id), '{}') INTO v_ids FROM (
    SELECT t.id FROM {{schema}}.transactions t
      WHERE t.ended_at < p_ended_before ORDER BY t.ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  ) d;
  DELETE FROM {{schema}}.events e WHERE e.aggregate_type = 'transaction' AND e.aggregate_id = ANY (v_ids);
  DELETE FROM {{schema}}.transactions t WHERE t.id = ANY (v_ids);
  RETURN cardinality(v_ids);
END
$$;
