-- Where each subscription stands in the log, who works on it, and what it could not handle.

CREATE TABLE {{schema}}.checkpoints (
  subscription text COLLATE "C" NOT NULL,
  partition integer NOT NULL,
  partitions integer NOT NULL,
  position bigint NOT NULL,
  -- Who may move it: a lease. The epoch rises with each owner, so that one who was paused and comes back moves nothing.
  owner text COLLATE "C",
  epoch bigint NOT NULL DEFAULT 0,
  lease_until timestamptz,
  paused boolean NOT NULL DEFAULT false,
  -- Of the next event, that fails: kept here, so that a restart does not begin to count again.
  attempts integer NOT NULL DEFAULT 0,
  error text,
  retry_at timestamptz,
  -- How far the partitions were before their number was changed: [{ "partitions", "positions" }, …].
  handover json NOT NULL DEFAULT '[]',
  moved_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (subscription, partition)
) WITH (fillfactor = 50);

-- The processes that run a subscription: they share its partitions.
CREATE TABLE {{schema}}.subscribers (
  subscription text COLLATE "C" NOT NULL,
  owner text COLLATE "C" NOT NULL,
  alive_until timestamptz NOT NULL,
  PRIMARY KEY (subscription, owner)
) WITH (fillfactor = 50);

-- Events that could not be handled, and the later ones of their aggregates.
CREATE TABLE {{schema}}.dead_letters (
  subscription text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  aggregate_type text COLLATE "C" NOT NULL,
  aggregate_id text COLLATE "C" NOT NULL,
  version bigint NOT NULL,
  event_type text NOT NULL,
  attempts integer NOT NULL, -- 0: it waits behind one that failed
  error text,
  parked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (subscription, position)
);

CREATE INDEX dead_letters_by_aggregate ON {{schema}}.dead_letters (subscription, aggregate_type, aggregate_id, position);

-- Renews what an owner has, and takes what is free up to its share. Gives what it has now, and in the column `surplus` how many of them it
-- should give back, so that others get their share.
CREATE FUNCTION {{schema}}.hold_partitions(p_subscription text, p_owner text, p_lease_ms double precision) RETURNS TABLE (
  partition integer,
  partitions integer,
  "position" double precision,
  epoch double precision,
  paused boolean,
  attempts integer,
  retry_in_ms double precision,
  handover json,
  parked boolean,
  surplus integer
) LANGUAGE plpgsql SET plan_cache_mode = force_generic_plan SET enable_seqscan = off SET jit = off AS $$
DECLARE
  v_now CONSTANT timestamptz := clock_timestamp();
  v_until CONSTANT timestamptz := v_now + p_lease_ms * interval '1 millisecond';
  v_share integer;
  v_held integer;
BEGIN
  INSERT INTO {{schema}}.subscribers AS s (subscription, owner, alive_until) VALUES (p_subscription, p_owner, v_until)
    ON CONFLICT (subscription, owner) DO UPDATE SET alive_until = excluded.alive_until;
  DELETE FROM {{schema}}.subscribers s WHERE s.subscription = p_subscription AND s.alive_until < v_now;

  UPDATE {{schema}}.checkpoints c SET lease_until = v_until WHERE c.subscription = p_subscription AND c.owner = p_owner;
  GET DIAGNOSTICS v_held = ROW_COUNT;

  SELECT ceil((SELECT count(*) FROM {{schema}}.checkpoints c WHERE c.subscription = p_subscription)::numeric / count(*)) INTO v_share
    FROM {{schema}}.subscribers s WHERE s.subscription = p_subscription;
  IF v_held < v_share THEN
    UPDATE {{schema}}.checkpoints c SET owner = p_owner, epoch = c.epoch + 1, lease_until = v_until
      FROM (
        SELECT f.partition FROM {{schema}}.checkpoints f
          WHERE f.subscription = p_subscription AND (f.owner IS NULL OR f.lease_until < v_now)
          ORDER BY f.partition LIMIT v_share - v_held FOR UPDATE SKIP LOCKED
      ) free
      WHERE c.subscription = p_subscription AND c.partition = free.partition;
  END IF;

  RETURN QUERY SELECT c.partition, c.partitions, c.position::double precision, c.epoch::double precision, c.paused, c.attempts,
      greatest(0, extract(epoch FROM c.retry_at - v_now) * 1000)::double precision, c.handover,
      EXISTS (SELECT FROM {{schema}}.dead_letters d WHERE d.subscription = p_subscription), greatest(0, v_held - v_share)
    FROM {{schema}}.checkpoints c WHERE c.subscription = p_subscription AND c.owner = p_owner ORDER BY c.partition;
END
$$;

-- The versions of read models that are kept up to date by events. One of each is live: the one the views show.
CREATE TABLE {{schema}}.projections (
  name text COLLATE "C" NOT NULL,
  version integer NOT NULL,
  live boolean NOT NULL,
  -- How far the version before had come when this one took over: what is before that has had its side effects. Null: not yet.
  handover json,
  PRIMARY KEY (name, version)
);

CREATE UNIQUE INDEX projections_live ON {{schema}}.projections (name) WHERE live;
