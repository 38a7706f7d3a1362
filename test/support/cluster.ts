import { afterAll, beforeAll } from 'vitest';
import { findRedis } from '../../scripts/servers/redis.mjs';
import { startRedisCluster, type ClusterNode, type ClusterOptions, type StartedCluster } from '../../scripts/servers/redis-cluster.mjs';

/** A Redis Cluster of a suite: usable in its hooks and tests. */
export interface TestCluster {
  readonly url: string;
  readonly nodes: readonly ClusterNode[];
  /** Every key of all masters, with its slot. */
  keys(): Promise<readonly { readonly key: string; readonly slot: number }[]>;
}

async function keysOf(node: ClusterNode): Promise<readonly { key: string; slot: number }[]> {
  return node.ask(async (redis) => {
    const keys: { key: string; slot: number }[] = [];
    for await (const some of redis.scanStream({ count: 1000 })) {
      for (const key of some as string[]) keys.push({ key, slot: Number(await redis.cluster('KEYSLOT', key)) });
    }
    return keys;
  });
}

/** Gives the suite in which it is called a cluster of its own. */
export function useCluster(options: ClusterOptions & { readonly masters: number }): TestCluster {
  let started: StartedCluster | undefined;
  const cluster = (): StartedCluster => {
    if (started === undefined) throw new Error('the cluster exists only in hooks and tests: use it there');
    return started;
  };
  beforeAll(async () => {
    const binary = await findRedis();
    if (binary === undefined) throw new Error('these tests start a Redis Cluster of their own: put redis-server on PATH');
    started = await startRedisCluster(binary, options);
  });
  afterAll(async () => {
    await started?.stop();
  });
  return {
    get url() {
      return cluster().url;
    },
    get nodes() {
      return cluster().nodes;
    },
    keys: async () => (await Promise.all(cluster().nodes.slice(0, options.masters).map(keysOf))).flat(),
  };
}
