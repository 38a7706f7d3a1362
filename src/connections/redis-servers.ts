import type { Redis, RedisOptions } from 'ioredis';
import { AmendsError, isAmendsError } from '../errors.ts';
import { ClusterNodes, nodeName } from './redis-cluster.ts';
import { checkRedis, closeRedis, openRedis, reachable, type OpenRedisOptions, type RedisFacts } from './redis.ts';
import { slotOf } from './slots.ts';

/** What a Redis URL leads to: one server, or a cluster of them. */
export interface RedisServers {
  readonly isCluster: boolean;
  /** A connection to where the keys with this hash tag are, kept until `close`. Where there is no cluster it is the same for all. */
  connectionFor(tag: string): Promise<Redis>;
  /**
   * Looks at the server, or at every master of the cluster, and gives the facts of each.
   *
   * @throws {AmendsError} STORE_UNSAFE, see {@link checkRedis}
   */
  check(options: { readonly allowUnsafe?: boolean | undefined }): Promise<readonly RedisFacts[]>;
  close(): Promise<void>;
  /** At once, when the start failed. */
  disconnect(): void;
}

/** A busy master may take its time. */
const CHECK_TIMEOUT_MS = 5_000;

function singleServer(redis: Redis): RedisServers {
  return {
    isCluster: false,
    connectionFor: () => Promise.resolve(redis),
    check: async (options) => [await checkRedis(redis, options)],
    close: () => closeRedis(redis),
    disconnect: () => redis.disconnect(),
  };
}

/** @throws {AmendsError} STORE_UNREACHABLE, STORE_UNSAFE, naming the node */
async function checkNodes(nodes: ClusterNodes, options: { readonly allowUnsafe?: boolean | undefined }): Promise<readonly RedisFacts[]> {
  const masters = await nodes.masters();
  return Promise.all(
    masters.map(async (master) => {
      const name = nodeName(master);
      const redis = nodes.connectionTo(master, CHECK_TIMEOUT_MS);
      try {
        await redis.connect().catch((cause: unknown) => {
          const problem = `the cluster has ${name} as a master, which can't be reached from here: start it, or see to it that the nodes announce addresses that clients reach (cluster-announce-ip, cluster-announce-hostname)`;
          throw new AmendsError('STORE_UNREACHABLE', problem, { cause, details: { address: name } });
        });
        const facts = await reachable(checkRedis(redis, { ...options, cluster: true }));
        return { ...facts, node: name, warnings: facts.warnings.map((warning) => `${name}: ${warning}`) };
      } catch (error) {
        if (!isAmendsError(error, 'STORE_UNSAFE')) throw error;
        throw new AmendsError(error.code, `node ${name} of the cluster: ${error.message}`, { cause: error, details: error.details });
      } finally {
        redis.disconnect();
      }
    }),
  );
}

function clusterOf(url: string, seed: Redis['options'], options: OpenRedisOptions): RedisServers {
  const { host = '', port = 6_379, username, password, tls, family, connectionName } = seed;
  const known = { username, password, tls, family, connectionName };
  const given = Object.fromEntries(Object.entries(known).filter(([, value]) => value !== undefined && value !== null)) as RedisOptions;
  const nodes = new ClusterNodes({ host, port }, given);
  const opened = new Map<string, Promise<Redis>>();
  const connect = (tag: string): Promise<Redis> =>
    openRedis(url, { ...options, client: { ...options.client, ...nodes.following(slotOf(tag)) } });
  const all = (): Promise<Redis[]> =>
    Promise.allSettled(opened.values()).then((settled) => settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
  return {
    isCluster: true,
    connectionFor(tag) {
      const known = opened.get(tag);
      if (known !== undefined) return known;
      const made = connect(tag);
      opened.set(tag, made);
      return made;
    },
    check: (how) => checkNodes(nodes, how),
    async close() {
      await Promise.all((await all()).map(closeRedis));
    },
    disconnect() {
      void all().then((connections) => connections.forEach((redis) => redis.disconnect()));
    },
  };
}

/**
 * Opens what a URL leads to; of a cluster it names any node.
 *
 * @throws {AmendsError} as {@link openRedis}
 */
export async function openRedisServers(url: string, options: OpenRedisOptions = {}): Promise<RedisServers> {
  const redis = await openRedis(url, options);
  try {
    if (!(await isCluster(redis))) return singleServer(redis);
    await closeRedis(redis); // it was for this question: each hash tag has a connection of its own
    return clusterOf(url, redis.options, options);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
}

/** A server that may not be asked is taken for a single one, as before there were clusters. */
async function isCluster(redis: Redis): Promise<boolean> {
  try {
    return /^cluster_enabled:1/m.test(await reachable(redis.info('cluster')));
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return false;
    throw error;
  }
}
