-- What becomes of streams: closed, archived, tombstoned; snapshots of their state, and the keys of people whose data is in them.

-- Events moved out of the way of the others. They are still read, and their ids are still known.
CREATE TABLE {{schema}}.archived_events (
  seq bigint NOT NULL,
  event_id text COLLATE "C",
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  event_type text NOT NULL,
  schema_version integer NOT NULL,
  event_data json NOT NULL,
  metadata json NOT NULL,
  "timestamp" timestamptz NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, version)
);

CREATE UNIQUE INDEX archived_events_event_id ON {{schema}}.archived_events (event_id) WHERE event_id IS NOT NULL;
CREATE UNIQUE INDEX archived_events_seq ON {{schema}}.archived_events (seq);

CREATE VIEW {{schema}}.all_events AS
  SELECT seq, event_id, aggregate_type, aggregate_id, version, event_type, schema_version, event_data, metadata, "timestamp"
    FROM {{schema}}.events
  UNION ALL
  SELECT seq, event_id, aggregate_type, aggregate_id, version, event_type, schema_version, event_data, metadata, "timestamp"
    FROM {{schema}}.archived_events;

-- A cache: the newest state that was folded by each version of a definition. Any row may be deleted.
CREATE TABLE {{schema}}.snapshots (
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  schema_version integer NOT NULL,
  version bigint NOT NULL,
  state json NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, schema_version)
);

-- One key for each person (subject). Without its key what was encrypted can't be read any more.
CREATE TABLE {{schema}}.subject_keys (
  subject text COLLATE "C" PRIMARY KEY,
  key_id text COLLATE "C" NOT NULL UNIQUE,
  key bytea NOT NULL,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- The global order. An append leaves its events here, in its transaction; number_events() moves what was committed into event_log
-- (0004_global_log.sql).
CREATE TABLE {{schema}}.pending (
  seq bigint PRIMARY KEY,
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL
);

-- Processes that have read all there is, and sleep until they are told of more. Only then do appends pay for a NOTIFY: it makes the
-- transactions of a database commit one after the other. Not logged: going to sleep costs no write to disk, and a crash ends the sleep.
CREATE UNLOGGED TABLE {{schema}}.sleepers (
  sleeper uuid PRIMARY KEY,
  channel text NOT NULL,
  until timestamptz NOT NULL
) WITH (fillfactor = 50);

-- As 0001 has it; after the ids and before the expectation it looks at the state: 'closed' or 'tombstoned', with the version.
-- Its plans are made once for all arguments: with arrays of them the server would plan each call anew, which took three quarters of its time.
-- They are made when the tables may be empty still, and are to fit when they are full: by the indexes.
CREATE OR REPLACE FUNCTION {{schema}}.append_events(
  p_aggregate_type text,
  p_aggregate_id text,
  p_expected text,
  p_event_ids text[],
  p_event_types text[],
  p_schema_versions integer[],
  p_event_data json[],
  p_metadata json[]
) RETURNS TABLE (
  outcome text,
  at_version double precision,
  known_id text,
  known_aggregate_type text,
  known_aggregate_id text,
  known_type text,
  known_schema_version integer,
  known_data json
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_count CONSTANT integer := cardinality(p_event_ids);
  v_version bigint;
  v_state text;
  v_created boolean := false;
  v_fits boolean;
  v_stored bigint;
BEGIN
  -- Nearly always nothing is in the way, and one statement takes the stream's row and moves its head. Whoever holds the row is the stream's
  -- only writer. An id that another transaction has stored since this statement began is not seen here: the insert below meets it.
  IF p_expected IN ('none', '0', 'any') THEN
    INSERT INTO {{schema}}.streams AS s (aggregate_type, aggregate_id, version)
      SELECT p_aggregate_type, p_aggregate_id, v_count
        WHERE NOT EXISTS (SELECT FROM {{schema}}.all_events e WHERE e.event_id = ANY (p_event_ids) AND e.event_id IS NOT NULL)
      ON CONFLICT (aggregate_type, aggregate_id) DO UPDATE SET version = s.version + v_count WHERE p_expected = 'any' AND s.state = 'open'
      RETURNING s.version - v_count INTO v_version;
  ELSE
    UPDATE {{schema}}.streams s SET version = s.version + v_count
      WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id AND s.state = 'open'
        AND CASE p_expected WHEN 'exists' THEN true ELSE s.version = p_expected::bigint END
        AND NOT EXISTS (SELECT FROM {{schema}}.all_events e WHERE e.event_id = ANY (p_event_ids) AND e.event_id IS NOT NULL)
      RETURNING s.version - v_count INTO v_version;
  END IF;

  IF v_version IS NULL THEN
    -- What is in the way? A concurrent creator makes the INSERT wait until that one has ended.
    LOOP
      SELECT s.version, s.state INTO v_version, v_state FROM {{schema}}.streams s
        WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id FOR UPDATE;
      EXIT WHEN FOUND;
      INSERT INTO {{schema}}.streams (aggregate_type, aggregate_id, version) VALUES (p_aggregate_type, p_aggregate_id, 0)
        ON CONFLICT DO NOTHING;
      IF FOUND THEN
        v_version := 0;
        v_state := 'open';
        v_created := true;
        EXIT;
      END IF;
    END LOOP;

    RETURN QUERY SELECT 'known', e.version::double precision,
        e.event_id, e.aggregate_type, e.aggregate_id, e.event_type, e.schema_version, e.event_data
      FROM {{schema}}.all_events e WHERE e.event_id = ANY (p_event_ids) AND e.event_id IS NOT NULL;
    v_stored := CASE WHEN FOUND THEN 1 ELSE 0 END;

    v_fits := CASE p_expected
      WHEN 'any' THEN true
      WHEN 'none' THEN v_version = 0
      WHEN 'exists' THEN v_version > 0
      ELSE v_version = p_expected::bigint
    END;
    IF v_stored > 0 OR v_state <> 'open' OR NOT v_fits THEN
      IF v_stored = 0 THEN
        RETURN QUERY SELECT CASE v_state WHEN 'open' THEN 'refused' ELSE v_state END, v_version::double precision,
          NULL, NULL, NULL, NULL, NULL::integer, NULL::json;
      END IF;
      IF v_created THEN
        DELETE FROM {{schema}}.streams s WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
      END IF;
      RETURN;
    END IF;
    UPDATE {{schema}}.streams s SET version = v_version + v_count
      WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
  END IF;

  WITH stored AS (
    INSERT INTO {{schema}}.events
        (event_id, aggregate_type, aggregate_id, version, event_type, schema_version, event_data, metadata, "timestamp")
      SELECT n.event_id, p_aggregate_type, p_aggregate_id, v_version + n.position,
          n.event_type, n.schema_version, n.event_data, n.metadata, clock_timestamp()
        FROM unnest(p_event_ids, p_event_types, p_schema_versions, p_event_data, p_metadata)
          WITH ORDINALITY AS n (event_id, event_type, schema_version, event_data, metadata, position)
        ORDER BY n.position
      ON CONFLICT (event_id) WHERE event_id IS NOT NULL DO NOTHING
      RETURNING seq, version
  )
  INSERT INTO {{schema}}.pending (seq, aggregate_type, aggregate_id, version)
    SELECT s.seq, p_aggregate_type, p_aggregate_id, s.version FROM stored s;
  GET DIAGNOSTICS v_stored = ROW_COUNT;
  -- Between the look and the insert another transaction has stored one of these ids: the next try will see it.
  IF v_stored < v_count THEN
    RAISE serialization_failure USING MESSAGE = 'an event id of the batch was stored by another transaction at the same time';
  END IF;
  PERFORM pg_notify(w.channel, '') FROM {{schema}}.sleepers w WHERE w.until > clock_timestamp() LIMIT 1;
  RETURN QUERY SELECT 'appended', (v_version + 1)::double precision, NULL, NULL, NULL, NULL, NULL::integer, NULL::json;
END
$$;

-- Moves the events up to a version into the archive. Gives the first version that is left; null: there is no such stream.
CREATE FUNCTION {{schema}}.archive_events(p_aggregate_type text, p_aggregate_id text, p_to bigint) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
  v_first bigint;
BEGIN
  UPDATE {{schema}}.streams s SET first_version = greatest(s.first_version, least(p_to, s.version) + 1)
    WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id AND s.state <> 'tombstoned'
    RETURNING s.first_version INTO v_first;
  WITH moved AS (
    DELETE FROM {{schema}}.events e
      WHERE e.aggregate_type = p_aggregate_type AND e.aggregate_id = p_aggregate_id AND e.version < v_first
      RETURNING e.*
  )
  INSERT INTO {{schema}}.archived_events
    SELECT seq, event_id, aggregate_type, aggregate_id, version, event_type, schema_version, event_data, metadata, "timestamp" FROM moved;
  RETURN v_first;
END
$$;

-- Ends a stream for good: one last event says so, and all before it are deleted. Gives its version; null: there is no such stream.
CREATE FUNCTION {{schema}}.tombstone_stream(
  p_aggregate_type text,
  p_aggregate_id text,
  p_event_id text,
  p_event_type text,
  p_event_data json,
  p_metadata json
) RETURNS double precision
LANGUAGE plpgsql AS $$
DECLARE
  v_version bigint;
  v_state text;
BEGIN
  SELECT s.version, s.state INTO v_version, v_state FROM {{schema}}.streams s
    WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id FOR UPDATE;
  IF v_state IS NULL OR v_state = 'tombstoned' THEN
    RETURN v_version;
  END IF;
  -- By the way of every event, so that those who follow hear of it.
  UPDATE {{schema}}.streams s SET state = 'open' WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
  PERFORM 1 FROM {{schema}}.append_events(p_aggregate_type, p_aggregate_id, 'exists',
    ARRAY[p_event_id], ARRAY[p_event_type], ARRAY[1], ARRAY[p_event_data], ARRAY[p_metadata]);
  DELETE FROM {{schema}}.events e
    WHERE e.aggregate_type = p_aggregate_type AND e.aggregate_id = p_aggregate_id AND e.version <= v_version;
  DELETE FROM {{schema}}.archived_events e WHERE e.aggregate_type = p_aggregate_type AND e.aggregate_id = p_aggregate_id;
  DELETE FROM {{schema}}.snapshots s WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
  UPDATE {{schema}}.streams s SET state = 'tombstoned', first_version = v_version + 1
    WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
  RETURN v_version + 1;
END
$$;

-- Stores events of a dump with the versions, positions and times they had there, in the order of their positions. Raises 22023 when events of
-- a stream are missing before one of these.
CREATE FUNCTION {{schema}}.restore_events(
  p_positions bigint[],
  p_aggregate_types text[],
  p_aggregate_ids text[],
  p_versions bigint[],
  p_event_ids text[],
  p_event_types text[],
  p_schema_versions integer[],
  p_event_data json[],
  p_metadata json[],
  p_times double precision[],
  p_tombstone text
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_missing text;
BEGIN
  CREATE TEMPORARY TABLE restored ON COMMIT DROP AS
    SELECT * FROM unnest(p_positions, p_aggregate_types, p_aggregate_ids, p_versions, p_event_ids, p_event_types, p_schema_versions,
      p_event_data, p_metadata, p_times)
      AS r (position, aggregate_type, aggregate_id, version, event_id, event_type, schema_version, event_data, metadata, at_ms);

  SELECT format('%s/%s', r.aggregate_type, r.aggregate_id) INTO v_missing
    FROM (
      SELECT aggregate_type, aggregate_id, min(version) AS first, max(version) - min(version) + 1 - count(*) AS holes
        FROM restored WHERE event_type <> p_tombstone GROUP BY aggregate_type, aggregate_id
    ) r
    LEFT JOIN {{schema}}.streams s
      ON s.aggregate_type = r.aggregate_type COLLATE "C" AND s.aggregate_id = r.aggregate_id COLLATE "C"
    WHERE r.holes <> 0 OR r.first <> coalesce(s.version, 0) + 1 LIMIT 1;
  IF v_missing IS NOT NULL THEN
    RAISE invalid_parameter_value USING MESSAGE = 'events are missing of stream ' || v_missing;
  END IF;

  INSERT INTO {{schema}}.streams (aggregate_type, aggregate_id, version, first_version, state)
    SELECT r.aggregate_type, r.aggregate_id, max(r.version),
        CASE WHEN bool_or(r.event_type = p_tombstone) THEN max(r.version) ELSE 1 END,
        CASE WHEN bool_or(r.event_type = p_tombstone) THEN 'tombstoned' ELSE 'open' END
      FROM restored r GROUP BY r.aggregate_type, r.aggregate_id
    ON CONFLICT (aggregate_type, aggregate_id)
      DO UPDATE SET version = excluded.version, first_version = excluded.first_version, state = excluded.state;

  WITH stored AS (
    INSERT INTO {{schema}}.events
        (event_id, aggregate_type, aggregate_id, version, event_type, schema_version, event_data, metadata, "timestamp")
      SELECT r.event_id, r.aggregate_type, r.aggregate_id, r.version, r.event_type, r.schema_version, r.event_data, r.metadata,
          timestamptz 'epoch' + r.at_ms * interval '1 millisecond'
        FROM restored r ORDER BY r.position
      RETURNING seq, aggregate_type, aggregate_id, version
  )
  INSERT INTO {{schema}}.event_log (position, seq, aggregate_type, aggregate_id, version, key_hash)
    SELECT r.position, s.seq, s.aggregate_type, s.aggregate_id, s.version, {{schema}}.key_hash(s.aggregate_type, s.aggregate_id)
      FROM stored s
      JOIN restored r ON r.aggregate_type COLLATE "C" = s.aggregate_type AND r.aggregate_id COLLATE "C" = s.aggregate_id
        AND r.version = s.version;
  UPDATE {{schema}}.log_head h SET position = greatest(h.position, (SELECT max(r.position) FROM restored r));
END
$$;
