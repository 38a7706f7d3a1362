-- Appends to several streams in one: see append_events, whose rows it gives with the place of the append, from 1. Each is done or refused by itself.
-- The arrays have an element for each append; those of the events are one behind the other, p_counts says how many belong to each.
-- The streams come sorted, so that two of these take their locks in one order.
CREATE FUNCTION {{schema}}.append_groups(
  p_aggregate_types text[],
  p_aggregate_ids text[],
  p_expected text[],
  p_counts integer[],
  p_event_ids text[],
  p_event_types text[],
  p_schema_versions integer[],
  p_event_data json[],
  p_metadata json[]
) RETURNS TABLE (
  place integer,
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
  v_from integer := 1;
  v_to integer;
BEGIN
  FOR v_place IN 1 .. cardinality(p_aggregate_ids) LOOP
    v_to := v_from + p_counts[v_place] - 1;
    RETURN QUERY SELECT v_place, a.* FROM {{schema}}.append_events(
      p_aggregate_types[v_place],
      p_aggregate_ids[v_place],
      p_expected[v_place],
      p_event_ids[v_from : v_to],
      p_event_types[v_from : v_to],
      p_schema_versions[v_from : v_to],
      p_event_data[v_from : v_to],
      p_metadata[v_from : v_to]
    ) a;
    v_from := v_to + 1;
  END LOOP;
END
$$;
