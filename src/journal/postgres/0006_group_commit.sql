-- Commits to several transactions in one: see commit_transaction, whose rows it gives with the place of the commit, from 1. The arrays have an
-- element for each commit; those of the events are one behind the other, p_counts says how many belong to each.
-- The ids come sorted, so that two of these take their locks in one order.
CREATE FUNCTION {{schema}}.commit_transactions(
  p_ids text[],
  p_expected bigint[],
  p_counts integer[],
  p_event_types text[],
  p_event_data json[],
  p_statuses text[],
  p_errors text[],
  p_ended boolean[],
  p_channels text[],
  p_sagas text[],
  p_definition_versions integer[],
  p_tags jsonb[]
) RETURNS TABLE (place integer, committed boolean, at_ms double precision, at_version double precision, event_type text, event_data json)
LANGUAGE plpgsql AS $$
DECLARE
  v_at integer := 1;
BEGIN
  FOR v_place IN 1 .. cardinality(p_ids) LOOP
    RETURN QUERY SELECT v_place, c.* FROM {{schema}}.commit_transaction(
      p_ids[v_place],
      p_expected[v_place],
      p_event_types[v_at : v_at + p_counts[v_place] - 1],
      p_event_data[v_at : v_at + p_counts[v_place] - 1],
      p_statuses[v_place],
      p_errors[v_place],
      p_ended[v_place],
      p_channels[v_place],
      p_sagas[v_place],
      p_definition_versions[v_place],
      p_tags[v_place]
    ) c;
    v_at := v_at + p_counts[v_place];
  END LOOP;
END
$$;
