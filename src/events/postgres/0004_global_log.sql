-- One order of all events, for those who read across streams.

-- `seq` is the place of an event in 'events' and 'pending'. The purge of the journal takes rows out: positions rise, with gaps only there.
CREATE TABLE {{schema}}.event_log (
  position bigint PRIMARY KEY,
  seq bigint NOT NULL UNIQUE,
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  key_hash integer NOT NULL -- from 0: says which partition an aggregate belongs to
);

-- The last position that was given. Not max(position): a purge may take the newest rows, and their positions must not come again.
CREATE TABLE {{schema}}.log_head (position bigint NOT NULL) WITH (fillfactor = 50);
INSERT INTO {{schema}}.log_head VALUES (0);

-- md5, because it is the same in every version of the server: a dump is restored into another one.
CREATE FUNCTION {{schema}}.key_hash(aggregate_type text, aggregate_id text) RETURNS integer
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN ('x' || left(md5(aggregate_type || ' ' || aggregate_id), 8))::bit(32)::integer & 2147483647;

-- Gives positions to up to p_limit of the events whose appends have committed, and says whether more of them may be left. The events of a
-- stream keep their order: whoever holds its row is its only writer, so an event is visible here when the next one is.
-- To be run in a transaction of its own, READ COMMITTED: each statement must see what was committed before it.
CREATE FUNCTION {{schema}}.number_events(p_limit integer) RETURNS boolean
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_last bigint;
  v_count bigint;
BEGIN
  PERFORM 1 FROM {{schema}}.pending LIMIT 1;
  IF NOT FOUND THEN RETURN false; END IF;
  -- Somebody else numbers now: what he does not see yet is left for another time.
  IF NOT pg_try_advisory_xact_lock(1095585348, hashtext('{{schema}}.event_log')) THEN RETURN true; END IF;
  SELECT h.position INTO v_last FROM {{schema}}.log_head h;
  WITH lowest AS MATERIALIZED (
    SELECT p.seq FROM {{schema}}.pending p ORDER BY p.seq LIMIT p_limit
  ), taken AS (
    DELETE FROM {{schema}}.pending p USING lowest WHERE p.seq = lowest.seq
      RETURNING p.seq, p.aggregate_type, p.aggregate_id, p.version
  )
  INSERT INTO {{schema}}.event_log (position, seq, aggregate_type, aggregate_id, version, key_hash)
    SELECT v_last + row_number() OVER (ORDER BY t.seq), t.seq, t.aggregate_type, t.aggregate_id, t.version,
        {{schema}}.key_hash(t.aggregate_type, t.aggregate_id)
      FROM taken t;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  IF v_count > 0 THEN UPDATE {{schema}}.log_head SET position = v_last + v_count; END IF;
  RETURN v_count >= p_limit;
END
$$;

-- Numbers what was committed, and looks at the p_scan entries after a position: gives up to p_limit of those that are wanted, in order.
-- p_categories: null takes all but 'transaction'. p_partitions: null takes every aggregate.
-- The last row has no event: it says how far the log was read and whether there is more.
CREATE FUNCTION {{schema}}.read_log(
  p_after bigint,
  p_limit integer,
  p_scan integer,
  p_categories text[],
  p_partitions integer,
  p_partition integer
) RETURNS TABLE (
  at_position double precision,
  more boolean,
  head double precision,
  key_hash integer,
  event_id text,
  aggregate_type text,
  aggregate_id text,
  version double precision,
  event_type text,
  schema_version integer,
  event_data json,
  metadata json,
  at_ms double precision
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_left boolean;
  v_head bigint;
  v_scanned bigint;
  v_end bigint;
  v_count integer;
BEGIN
  v_left := {{schema}}.number_events(greatest(p_scan, 1000));
  SELECT h.position INTO v_head FROM {{schema}}.log_head h;
  SELECT count(*), max(l.position) INTO v_scanned, v_end FROM (
    SELECT s.position FROM {{schema}}.event_log s WHERE s.position > p_after ORDER BY s.position LIMIT p_scan
  ) l;
  IF v_scanned > 0 THEN
    RETURN QUERY
      SELECT l.position::double precision, false, NULL::double precision, l.key_hash, e.event_id, e.aggregate_type, e.aggregate_id,
          e.version::double precision, e.event_type, e.schema_version, e.event_data, e.metadata, {{schema}}.ms(e."timestamp")
        FROM {{schema}}.event_log l
        JOIN {{schema}}.all_events e
          ON e.aggregate_type = l.aggregate_type AND e.aggregate_id = l.aggregate_id AND e.version = l.version
        WHERE l.position > p_after AND l.position <= v_end
          AND CASE WHEN p_categories IS NULL THEN l.aggregate_type <> 'transaction' ELSE l.aggregate_type = ANY (p_categories) END
          AND (p_partitions IS NULL OR l.key_hash % p_partitions = p_partition)
        ORDER BY l.position LIMIT p_limit;
    GET DIAGNOSTICS v_count = ROW_COUNT;
  ELSE
    v_count := 0;
  END IF;
  -- A full page may end before the scan did: the reader then goes on after its last event.
  RETURN QUERY SELECT (CASE WHEN v_scanned < p_scan THEN greatest(p_after, v_end, v_head) ELSE v_end END)::double precision,
    v_left OR v_count >= p_limit OR v_scanned >= p_scan, v_head::double precision,
    NULL::integer, NULL, NULL, NULL, NULL::double precision, NULL, NULL::integer, NULL::json, NULL::json, NULL::double precision;
END
$$;

-- As 0002 has them; what they store and remove is in the log as well.
-- Appends events to a transaction that has p_expected of them (0: starts it), with the summary that goes with them.
-- p_saga, p_definition_version and p_tags are read at the start only. p_channel: announce it there; null: don't.
-- The first row says whether it was committed and when; if not, the version it has (null: there is none), and the events the
-- writer had not seen follow, in order.
CREATE OR REPLACE FUNCTION {{schema}}.commit_transaction(
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
LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
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

  WITH stored AS (
    INSERT INTO {{schema}}.events (aggregate_type, aggregate_id, version, event_type, event_data, "timestamp")
      SELECT 'transaction', p_id, p_expected + n.position, n.event_type, n.event_data, v_now
        FROM unnest(p_event_types, p_event_data) WITH ORDINALITY AS n (event_type, event_data, position)
        ORDER BY n.position
      RETURNING seq, version
  )
  INSERT INTO {{schema}}.pending (seq, aggregate_type, aggregate_id, version)
    SELECT s.seq, 'transaction', p_id, s.version FROM stored s;
  PERFORM pg_notify(w.channel, '') FROM {{schema}}.sleepers w WHERE w.until > clock_timestamp() LIMIT 1;
  IF p_channel IS NOT NULL THEN
    PERFORM pg_notify(p_channel, p_id);
  END IF;
  RETURN QUERY SELECT true, {{schema}}.ms(v_now), v_version::double precision, NULL, NULL::json;
END
$$;

-- Removes up to p_limit transactions that ended before then, whole, the oldest first. Those in use now are left for another time.
CREATE OR REPLACE FUNCTION {{schema}}.purge_transactions(p_ended_before timestamptz, p_limit integer) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
  v_ids text[];
BEGIN
  SELECT coalesce(array_agg(d.id), '{}') INTO v_ids FROM (
    SELECT t.id FROM {{schema}}.transactions t
      WHERE t.ended_at < p_ended_before ORDER BY t.ended_at LIMIT p_limit FOR UPDATE SKIP LOCKED
  ) d;
  WITH gone AS (
    DELETE FROM {{schema}}.events e WHERE e.aggregate_type = 'transaction' AND e.aggregate_id = ANY (v_ids) RETURNING e.seq
  ), unlogged AS (
    DELETE FROM {{schema}}.event_log l USING gone WHERE l.seq = gone.seq
  )
  DELETE FROM {{schema}}.pending p USING gone WHERE p.seq = gone.seq;
  DELETE FROM {{schema}}.transactions t WHERE t.id = ANY (v_ids);
  RETURN cardinality(v_ids);
END
$$;

-- What was stored before there was a log gets its positions now. Nobody writes meanwhile.
LOCK TABLE {{schema}}.events IN SHARE ROW EXCLUSIVE MODE;
INSERT INTO {{schema}}.pending (seq, aggregate_type, aggregate_id, version)
  SELECT e.seq, e.aggregate_type, e.aggregate_id, e.version FROM {{schema}}.events e
  ON CONFLICT DO NOTHING;
