import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { shardTags } from '../src/connections/shards.ts';
import type { ClusterNode, StartedCluster } from '../scripts/servers/redis-cluster.mjs';
import type { Ask, Assignment, Mark, Role } from './cluster-process.ts';
import type { Scenario } from './scenario.ts';

/** What one run measured, per saga unless its name says otherwise. */
export interface ClusterSample {
  readonly shards: number;
  readonly sagasPerSec: number;
  /** CPU of the process that starts sagas and waits for outcomes, of the one that carries them out, and of one that only hears of ends: microseconds. */
  readonly starterMicros: number;
  readonly workerMicros: number;
  readonly listenerMicros: number;
  /** CPU of each node, microseconds, and of all. */
  readonly nodeMicros: readonly number[];
  readonly redisMicros: number;
  readonly commands: number;
  /** What clients sent to the nodes and got from them. */
  readonly inBytes: number;
  readonly outBytes: number;
  readonly aofBytes: number;
  /** Of a finished saga, in its journal; and the jobs that are kept of it for a while beside that. */
  readonly journalBytes: number;
  readonly jobBytes: number;
  /** A process without work, each second: CPU of the worker, and of all nodes for worker, starter and listener together. */
  readonly idleWorkerMicrosPerSec: number;
  readonly idleRedisMicrosPerSec: number;
  /** The same with nobody connected: what the nodes do for each other. */
  readonly aloneRedisMicrosPerSec: number;
  /** CPU of a process for each end it hears of when they come by the thousands, microseconds. */
  readonly heardMicros: number;
  readonly workerRssBytes: number;
  readonly connections: number;
}

interface NodeState {
  readonly cpuMicros: number;
  readonly inBytes: number;
  readonly outBytes: number;
  readonly aofBytes: number;
  readonly usedBytes: number;
  readonly commands: number;
  readonly connections: number;
  readonly crossSlot: number;
}

const WARM_UP = 300;
const IDLE_MS = 3_000;
const ANNOUNCED = 20_000;
/** The last root jobs end after their outcomes were told. */
const SETTLE_MS = 500;

async function stateOf(node: ClusterNode): Promise<NodeState> {
  const info = await node.ask((redis) => redis.info('everything'));
  const field = (name: string): number => Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1] ?? 0);
  return {
    cpuMicros: 1e6 * (field('used_cpu_sys') + field('used_cpu_user')),
    inBytes: field('total_net_input_bytes'),
    outBytes: field('total_net_output_bytes'),
    aofBytes: field('aof_current_size'),
    usedBytes: field('used_memory'),
    commands: field('total_commands_processed'),
    connections: field('connected_clients'),
    crossSlot: Number(/^errorstat_CROSSSLOT:count=(\d+)/m.exec(info)?.[1] ?? 0),
  };
}

function statesOf(nodes: readonly ClusterNode[]): Promise<readonly NodeState[]> {
  return Promise.all(nodes.map(stateOf));
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0);
}

/** Deletes the queues, so that what stays is the journal. */
async function deleteJobs(node: ClusterNode): Promise<void> {
  await node.ask(async (redis) => {
    for await (const keys of redis.scanStream({ match: '*:saga-*', count: 1_000 })) {
      for (const key of keys as string[]) await redis.del(key);
    }
  });
}

/** Announces ends of sagas that nobody waits for, as fast as a node sends them. */
async function announceMany(nodes: readonly ClusterNode[], tag: string): Promise<void> {
  for (const node of nodes) {
    const done = await node.ask(async (redis) => {
      try {
        await redis.spublish(`{${tag}}:announce`, 'first');
      } catch {
        return false; // another node has the slot
      }
      await Promise.all(
        Array.from({ length: ANNOUNCED }, (_, i) => redis.spublish(`{${tag}}:announce`, `00000000-0000-4000-8000-${1e11 + i}`)),
      );
      return true;
    });
    if (done) return;
  }
  throw new Error('no node has the slot');
}

/** A process of the run, that answers one question at a time. */
class Hand {
  readonly #child: ChildProcess;
  readonly #exited: Promise<never>;

  private constructor(role: Role, scenario: Scenario) {
    const assignment: Assignment = { role, scenario };
    this.#child = fork(fileURLToPath(new URL('cluster-process.js', import.meta.url)), {
      env: { ...process.env, BENCH_ASSIGNMENT: JSON.stringify(assignment) },
    });
    this.#exited = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the ${role} ended with ${String(code)}`);
    });
    this.#exited.catch(() => undefined);
  }

  static async open(role: Role, scenario: Scenario): Promise<Hand> {
    const hand = new Hand(role, scenario);
    await hand.#answer();
    return hand;
  }

  ask(message: Ask): Promise<Mark> {
    this.#child.send(message);
    return this.#answer();
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null || !this.#child.connected) return;
    this.#child.send({ ask: 'close' } satisfies Ask);
    await this.#exited.catch(() => undefined);
  }

  async #answer(): Promise<Mark> {
    const [mark] = (await Promise.race([once(this.#child, 'message'), this.#exited])) as [Mark];
    return mark;
  }
}

/** Runs sagas of three steps over so many shards, on a cluster that is emptied before, and checks that each step was done once. */
export async function runOnCluster({ url, nodes }: StartedCluster, shards: number, transactions: number): Promise<ClusterSample> {
  for (const node of nodes) await node.ask((redis) => redis.flushall());
  const alone = await statesOf(nodes);
  await delay(IDLE_MS);
  const empty = await statesOf(nodes);
  const scenario: Scenario = { store: 'redis', url, steps: 3, payloadBytes: 100, concurrency: 50, parallel: false, failAt: 1, shards };
  const hands: Hand[] = [];
  try {
    const open = async (role: Role): Promise<Hand> => {
      const hand = await Hand.open(role, scenario);
      hands.push(hand);
      return hand;
    };
    const [starter, worker, listener] = [await open('starter'), await open('worker'), await open('listener')];
    const mark = (): Promise<Mark[]> => Promise.all([starter, worker, listener].map((hand) => hand.ask({ ask: 'mark' })));
    await listener.ask({ ask: 'run', count: 1 });
    await starter.ask({ ask: 'run', count: WARM_UP });
    await delay(SETTLE_MS);

    const [before, nodesBefore] = [await mark(), await statesOf(nodes)];
    const { seconds } = await starter.ask({ ask: 'run', count: transactions });
    await delay(SETTLE_MS);
    const [after, nodesAfter] = [await mark(), await statesOf(nodes)];
    const expected = 3 * (1 + WARM_UP + transactions);
    if (after[1]!.stepsDone !== expected) throw new Error(`${after[1]!.stepsDone} steps were done of ${expected}`);

    await delay(IDLE_MS);
    const [idle, nodesIdle] = [await mark(), await statesOf(nodes)];
    await announceMany(nodes, shardTags('bench', shards)[0]!);
    const heard = await mark();
    await Promise.all(hands.splice(0).map((hand) => hand.close()));
    const kept = await statesOf(nodes);
    await Promise.all(nodes.map(deleteJobs));
    const journal = await statesOf(nodes);
    for (const node of nodes) await node.ask((redis) => redis.flushall());
    const emptied = await statesOf(nodes); // not as at first: scripts stay
    if (sum(journal, ({ crossSlot }) => crossSlot) > sum(empty, ({ crossSlot }) => crossSlot))
      throw new Error('a command had keys of several slots');

    const all = 1 + WARM_UP + transactions;
    const per = (of: (state: NodeState) => number): number => (sum(nodesAfter, of) - sum(nodesBefore, of)) / transactions;
    const cpu = (hand: number): number => (after[hand]!.cpuMicros - before[hand]!.cpuMicros) / transactions;
    const perSecond = 1_000 / IDLE_MS;
    return {
      shards,
      sagasPerSec: transactions / seconds,
      starterMicros: cpu(0),
      workerMicros: cpu(1),
      listenerMicros: cpu(2),
      nodeMicros: nodes.map((_node, i) => (nodesAfter[i]!.cpuMicros - nodesBefore[i]!.cpuMicros) / transactions),
      redisMicros: per(({ cpuMicros }) => cpuMicros),
      commands: per(({ commands }) => commands),
      inBytes: per(({ inBytes }) => inBytes),
      outBytes: per(({ outBytes }) => outBytes),
      aofBytes: per(({ aofBytes }) => aofBytes),
      journalBytes: (sum(journal, ({ usedBytes }) => usedBytes) - sum(emptied, ({ usedBytes }) => usedBytes)) / all,
      jobBytes: (sum(kept, ({ usedBytes }) => usedBytes) - sum(journal, ({ usedBytes }) => usedBytes)) / all,
      idleWorkerMicrosPerSec: (idle[1]!.cpuMicros - after[1]!.cpuMicros) * perSecond,
      idleRedisMicrosPerSec: (sum(nodesIdle, ({ cpuMicros }) => cpuMicros) - sum(nodesAfter, ({ cpuMicros }) => cpuMicros)) * perSecond,
      aloneRedisMicrosPerSec: (sum(empty, ({ cpuMicros }) => cpuMicros) - sum(alone, ({ cpuMicros }) => cpuMicros)) * perSecond,
      heardMicros: (heard[2]!.cpuMicros - idle[2]!.cpuMicros) / ANNOUNCED,
      workerRssBytes: idle[1]!.rssBytes,
      connections: sum(nodesAfter, ({ connections }) => connections),
    };
  } finally {
    await Promise.all(hands.map((hand) => hand.close()));
  }
}
