import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { freePort, startServer } from './process.mjs';
import { pingRedis } from './redis.mjs';

const SLOTS = 16_384;
const STATE_TIMEOUT_MS = 20_000;

async function ask(port, password, work) {
  const redis = new Redis(port, '127.0.0.1', {
    password,
    lazyConnect: true,
    retryStrategy: () => null,
    replyMapping: 'legacy',
    enableReadyCheck: false,
  });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}

async function until(condition) {
  const deadline = Date.now() + STATE_TIMEOUT_MS;
  for (;;) {
    const problem = await condition().catch((error) => error.message);
    if (problem === undefined) return;
    if (Date.now() > deadline) throw new Error(`the cluster did not come together: ${problem}`);
    await delay(50);
  }
}

function startNode(binary, folder, { settings, nodeTimeoutMs, password }) {
  const node = {
    port: 0,
    folder,
    /** The process, while it runs. */
    stop: undefined,
    async start() {
      const args = ['--bind', '127.0.0.1', '--port', String(node.port), '--dir', folder, ...settings];
      const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(node.busPort), '--cluster-node-timeout', String(nodeTimeoutMs)];
      // SIGKILL: as a machine that is gone. What was acknowledged is in its append-only file.
      node.stop = await startServer(binary, [...args, ...cluster], {
        ready: () => ask(node.port, password, async (redis) => void (await redis.cluster('INFO'))),
        stopSignal: 'SIGKILL',
      });
    },
    async kill() {
      await node.stop?.();
      node.stop = undefined;
    },
    ask: (work) => ask(node.port, password, work),
  };
  return node;
}

/** Joins nodes as `redis-cli --cluster create` does: the first ones are masters with equal shares of the slots, the others their replicas. */
async function joinNodes(nodes, masters) {
  for (const [i, node] of nodes.entries()) {
    await node.ask(async (redis) => {
      await redis.cluster('SET-CONFIG-EPOCH', i + 1);
      if (i >= masters) return;
      const [from, to] = [i, i + 1].map((share) => Math.round((share * SLOTS) / masters));
      await redis.cluster('ADDSLOTSRANGE', from, to - 1);
    });
  }
  const [first] = nodes;
  const met = (node) => first.ask((redis) => redis.call('CLUSTER', 'MEET', '127.0.0.1', node.port, node.busPort));
  for (const node of nodes.slice(1)) await met(node);
  for (const node of nodes) {
    await until(() =>
      node.ask(async (redis) => {
        const known = Number(/cluster_known_nodes:(\d+)/.exec(await redis.cluster('INFO'))?.[1]);
        return known === nodes.length ? undefined : `a node knows ${known} nodes of ${nodes.length}`;
      }),
    );
  }
  for (const [i, node] of nodes.slice(masters).entries()) {
    const id = await nodes[i % masters].ask((redis) => redis.cluster('MYID'));
    // Refused until it has heard that this one is a master.
    await until(() => node.ask((redis) => redis.cluster('REPLICATE', id)).then(() => undefined));
  }
  for (const node of nodes) {
    await until(() =>
      node.ask(async (redis) => {
        const info = await redis.cluster('INFO');
        if (!/cluster_state:ok/.test(info)) return 'a node says that the cluster fails';
        if (node === first || !nodes.slice(masters).includes(node)) return undefined;
        return /master_link_status:up/.test(await redis.info('replication')) ? undefined : 'a replica has no link to its master';
      }),
    );
  }
}

/**
 * Starts a Redis Cluster of our own: loopback, free ports, everything it keeps in a folder that goes with it.
 *
 * @param {string} binary
 */
export async function startRedisCluster(binary, { masters = 3, replicas = 0, nodeTimeoutMs = 2_000, fsync = 'everysec', password } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'amends-cluster-'));
  const settings = ['--maxmemory-policy', 'noeviction', '--appendonly', 'yes', '--appendfsync', fsync, '--save', ''];
  settings.push('--repl-diskless-sync-delay', '0'); // a replica need not wait for others
  if (password !== undefined) settings.push('--requirepass', password, '--masterauth', password);
  const nodes = [];
  const stop = async () => {
    await Promise.all(nodes.map((node) => node.kill()));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let i = 0; i < masters * (1 + replicas); i++) {
      const own = join(folder, `node-${i}`);
      mkdirSync(own);
      const node = startNode(binary, own, { settings, nodeTimeoutMs, password });
      node.port = await freePort();
      node.busPort = await freePort();
      await node.start();
      nodes.push(node);
    }
    await joinNodes(nodes, masters);
    const url = `redis://${password === undefined ? '' : `:${password}@`}127.0.0.1:${nodes[0].port}`;
    await pingRedis(url);
    return { url, from: `${binary}, a cluster of ${nodes.length} nodes`, nodes, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
