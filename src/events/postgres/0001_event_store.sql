-- Streams of events, one per aggregate. {{schema}} is replaced by the namespace.

-- A time as other programs see it: whole milliseconds since the epoch. float8 is exact up to 2^53, and drivers give it as a number.
CREATE FUNCTION {{schema}}.ms(timestamptz) RETURNS double precision
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN floor(extract(epoch FROM $1) * 1000)::double precision;

CREATE TABLE {{schema}}.streams (
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  first_version bigint NOT NULL DEFAULT 1,
  state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'closed', 'tombstoned')),
  PRIMARY KEY (aggregate_type, aggregate_id)
) WITH (fillfactor = 80); -- room on the page for the next version of a row: its head moves with every append

-- `seq` numbers events in the order of their inserts, not of their commits: it tells one from another and orders those of one stream,
-- but it is no cursor. event_data is json and not jsonb: it keeps the order of keys, numbers as they were written, and the characters
-- (NUL, half of a surrogate pair) that jsonb refuses.
CREATE TABLE {{schema}}.events (
  seq bigint GENERATED ALWAYS AS IDENTITY,
  event_id text COLLATE "C", -- null in the journal's streams: it follows from stream and version
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL CHECK (version >= 1),
  event_type text NOT NULL,
  schema_version integer NOT NULL DEFAULT 1,
  event_data json NOT NULL,
  metadata json NOT NULL DEFAULT '{}',
  "timestamp" timestamptz NOT NULL,
  PRIMARY KEY (aggregate_type, aggregate_id, version)
);

CREATE UNIQUE INDEX events_event_id ON {{schema}}.events (event_id) WHERE event_id IS NOT NULL;

-- Appends a batch to one stream, all or none. p_expected: a version, 'none', 'exists' or 'any'. The arrays have one element per event.
-- Gives one row: 'appended' with the version of the first event, or 'refused' with the version the stream has;
-- or, when ids of the batch were stored before, a row 'known' for each of those, and it is the caller who compares.
-- It refuses without raising, so that the transaction it runs in stays usable, and leaves nothing behind then.
CREATE FUNCTION {{schema}}.append_events(
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
) LANGUAGE plpgsql AS $$
DECLARE
  v_version bigint;
  v_created boolean := false;
  v_fits boolean;
  v_stored bigint;
BEGIN
  -- Whoever holds this row is the stream's only writer. A concurrent creator makes the INSERT wait until that one has ended.
  LOOP
    SELECT s.version INTO v_version FROM {{schema}}.streams s
      WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO {{schema}}.streams (aggregate_type, aggregate_id, version) VALUES (p_aggregate_type, p_aggregate_id, 0)
      ON CONFLICT DO NOTHING;
    IF FOUND THEN
      v_version := 0;
      v_created := true;
      EXIT;
    END IF;
  END LOOP;

  RETURN QUERY SELECT 'known', e.version::double precision,
      e.event_id, e.aggregate_type, e.aggregate_id, e.event_type, e.schema_version, e.event_data
    FROM {{schema}}.events e WHERE e.event_id = ANY (p_event_ids) AND e.event_id IS NOT NULL;

  IF NOT FOUND THEN
    v_fits := CASE p_expected
      WHEN 'any' THEN true
      WHEN 'none' THEN v_version = 0
      WHEN 'exists' THEN v_version > 0
      ELSE v_version = p_expected::bigint
    END;

    IF v_fits THEN
      INSERT INTO {{schema}}.events
          (event_id, aggregate_type, aggregate_id, version, event_type, schema_version, event_data, metadata, "timestamp")
        SELECT n.event_id, p_aggregate_type, p_aggregate_id, v_version + n.position,
            n.event_type, n.schema_version, n.event_data, n.metadata, clock_timestamp()
          FROM unnest(p_event_ids, p_event_types, p_schema_versions, p_event_data, p_metadata)
            WITH ORDINALITY AS n (event_id, event_type, schema_version, event_data, metadata, position)
          ORDER BY n.position
        ON CONFLICT (event_id) WHERE event_id IS NOT NULL DO NOTHING;
      GET DIAGNOSTICS v_stored = ROW_COUNT;
      -- Between the look and the insert another stream got an event with one of these ids: the next try will see it.
      IF v_stored < cardinality(p_event_ids) THEN
        RAISE serialization_failure USING MESSAGE = 'an event id of the batch was stored in another stream at the same time';
      END IF;
      UPDATE {{schema}}.streams s SET version = v_version + v_stored
        WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
      RETURN QUERY SELECT 'appended', (v_version + 1)::double precision, NULL, NULL, NULL, NULL, NULL::integer, NULL::json;
      RETURN;
    END IF;

    RETURN QUERY SELECT 'refused', v_version::double precision, NULL, NULL, NULL, NULL, NULL::integer, NULL::json;
  END IF;

  IF v_created THEN
    DELETE FROM {{schema}}.streams s WHERE s.aggregate_type = p_aggregate_type AND s.aggregate_id = p_aggregate_id;
  END IF;
END
$$;
