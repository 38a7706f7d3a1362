import type { ClusterSample } from './cluster-run.ts';

/** What a cluster is calculated with. */
const PLAN = {
  /** Of a core that is planned for, so that there is room for bursts and for a node that is down. */
  utilisation: 0.6,
  /** Memory of a master that data may take, of 64 GB: the rest is for buffers, fragmentation and the fork of a rewrite. */
  memoryBytes: 40e9,
  /** 10 Gbit/s, of which half is planned for. */
  networkBytesPerSec: 0.5 * 1.25e9,
  /** A worker with steps in one queue: a connection for all commands of a queue, one that waits for jobs, and the process's own. */
  connectionsPerWorkerAndShard: 3,
  /** A starter's own, and the one that hears of ends. */
  connectionsPerStarterAndShard: 2,
  /** An announcement as a client gets it: channel and id. */
  announcementBytes: 90,
  /** Shards for each master: fewer are unevenly spread, and can't be spread over more masters later. */
  shardsPerMaster: 4,
  mostShards: 256,
  leastMasters: 3,
} as const;

const RATES = [1_000, 10_000, 100_000] as const;
const RETENTIONS = [
  { name: '7 days (default)', seconds: 7 * 86_400 },
  { name: '1 day', seconds: 86_400 },
  { name: '1 hour', seconds: 3_600 },
  { name: '1 minute', seconds: 60 },
] as const;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_name, i) => (i === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en-US');
}

/** With three digits that count. */
function bytes(value: number): string {
  for (const [unit, size] of [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    if (value >= size) return `${Number((value / size).toPrecision(3))} ${unit}`;
  }
  return `${whole(value)} B`;
}

/** One column for each number of shards. */
export function measuredTable(medians: readonly ClusterSample[]): string {
  const row = (name: string, of: (sample: ClusterSample) => string): readonly string[] => [name, ...medians.map(of)];
  return table(
    ['Shards', ...medians.map(({ shards }) => String(shards))],
    [
      row('Sagas per second, all on this machine', ({ sagasPerSec }) => whole(sagasPerSec)),
      row('Node: start and wait for the outcome, µs', ({ starterMicros }) => whole(starterMicros)),
      row('Node: carry out, µs', ({ workerMicros }) => whole(workerMicros)),
      row("Node: hear of an end of another process's saga, µs", ({ listenerMicros }) => whole(listenerMicros)),
      row('The same when they come by the thousands, µs', ({ heardMicros }) => heardMicros.toFixed(1)),
      row('Redis, all nodes, µs', ({ redisMicros }) => whole(redisMicros)),
      row('Redis, each node, µs', ({ nodeMicros }) => nodeMicros.map(whole).join(' / ')),
      row('Commands, those in scripts included', ({ commands }) => commands.toFixed(1)),
      row('Bytes into Redis', ({ inBytes }) => whole(inBytes)),
      row('Bytes out of Redis', ({ outBytes }) => whole(outBytes)),
      row('Bytes of append-only file', ({ aofBytes }) => whole(aofBytes)),
      row('Memory of a finished saga: journal, bytes', ({ journalBytes }) => whole(journalBytes)),
      row('Memory of its finished jobs, bytes', ({ jobBytes }) => whole(jobBytes)),
      row('Without work: Node, the worker, µs per second', ({ idleWorkerMicrosPerSec }) => whole(idleWorkerMicrosPerSec)),
      row('Without work: Redis, all nodes, µs per second', ({ idleRedisMicrosPerSec }) => whole(idleRedisMicrosPerSec)),
      row('The same with nobody connected, µs per second', ({ aloneRedisMicrosPerSec }) => whole(aloneRedisMicrosPerSec)),
      row('Memory of the worker process (RSS)', ({ workerRssBytes }) => bytes(workerRssBytes)),
      row('Connections to all nodes, three processes', ({ connections }) => whole(connections)),
    ],
  );
}

interface Sizing {
  readonly rate: number;
  readonly mastersForCpu: number;
  readonly mastersForNetwork: number;
  readonly masters: number;
  readonly shards: number;
  readonly workers: number;
  /** `undefined`: a process could do nothing but hear of others' ends. */
  readonly starters: number | undefined;
  readonly connectionsPerMaster: number;
  readonly idleShareOfMaster: number;
  readonly networkPerMaster: number;
  readonly aofPerMaster: number;
}

function shardsFor(masters: number): number {
  return Math.min(PLAN.mostShards, 2 ** Math.ceil(Math.log2(PLAN.shardsPerMaster * masters)));
}

function sizeFor(rate: number, cost: ClusterSample): Sizing {
  const core = PLAN.utilisation * 1e6;
  const mastersForCpu = (rate * cost.redisMicros) / core;
  const workers = Math.max(2, Math.ceil((rate * cost.workerMicros) / core));
  // Every process that waits for outcomes hears of all of them, its own and others'.
  const left = core - rate * cost.heardMicros;
  const own = rate * (cost.starterMicros - cost.heardMicros);
  const starters = left > 0 ? Math.max(2, Math.ceil(own / left)) : undefined;
  const heard = (starters ?? 0) * rate * PLAN.announcementBytes;
  const network = rate * (cost.inBytes + cost.outBytes + cost.aofBytes) + heard;
  const mastersForNetwork = network / PLAN.networkBytesPerSec;
  const least = Math.max(PLAN.leastMasters, Math.ceil(mastersForCpu), Math.ceil(mastersForNetwork));
  const shards = shardsFor(least);
  // Whole shards: the master that has most of them must not be too busy.
  const shardsOfMaster = Math.max(1, Math.floor(core / ((rate / shards) * cost.redisMicros)));
  const masters = Math.max(least, Math.ceil(shards / shardsOfMaster));
  const connections = shards * (workers * PLAN.connectionsPerWorkerAndShard + (starters ?? 0) * PLAN.connectionsPerStarterAndShard);
  return {
    rate,
    mastersForCpu,
    mastersForNetwork,
    masters,
    shards,
    workers,
    starters,
    connectionsPerMaster: connections / masters,
    // Measured for a worker and two clients over so many shards; it grows with both.
    idleShareOfMaster:
      ((workers * shards * Math.max(0, cost.idleRedisMicrosPerSec - cost.aloneRedisMicrosPerSec)) / cost.shards / masters) * 1e-6,
    networkPerMaster: network / masters,
    aofPerMaster: (rate * cost.aofBytes) / masters,
  };
}

function percent(value: number): string {
  return `${(100 * value).toFixed(value < 0.1 ? 1 : 0)} %`;
}

function firstLimit({ mastersForCpu, mastersForNetwork }: Sizing, mastersForMemory: number): string {
  const limits = { "Redis' CPU": mastersForCpu, network: mastersForNetwork, memory: mastersForMemory };
  return Object.entries(limits).sort(([, a], [, b]) => b - a)[0]![0];
}

/** Masters for these rates, by what they cost here. */
export function arithmetic(medians: readonly ClusterSample[]): string {
  const cost = medians.at(-1)!;
  const sizings = RATES.map((rate) => sizeFor(rate, cost));
  const row = (name: string, of: (sizing: Sizing) => string): readonly string[] => [name, ...sizings.map(of)];
  const flow = table(
    ['Sagas per second', ...RATES.map((rate) => whole(rate))],
    [
      row('Cores of Redis, fully used', ({ rate }) => ((rate * cost.redisMicros) / 1e6).toFixed(1)),
      row('Masters (and as many replicas) for the flow', ({ masters }) => whole(masters)),
      row('Shards', ({ shards }) => whole(shards)),
      row('Sagas per second of one shard', ({ rate, shards }) => whole(rate / shards)),
      row('Processes of workers', ({ workers }) => whole(workers)),
      row('Processes that start and wait', ({ starters }) => (starters === undefined ? 'see below' : whole(starters))),
      row('Network of a master', ({ networkPerMaster }) => `${bytes(networkPerMaster)}/s`),
      row('Append-only file of a master', ({ aofPerMaster }) => `${bytes(aofPerMaster)}/s`),
      row('Connections of a master', ({ connectionsPerMaster }) => whole(connectionsPerMaster)),
      row('Share of a master for looking, without any work', ({ idleShareOfMaster }) => percent(idleShareOfMaster)),
    ],
  );
  const memory = table(
    ['History is kept for', ...RATES.map((rate) => `${whole(rate)}/s: memory, masters, first limit`)],
    RETENTIONS.map(({ name, seconds }) => [
      name,
      ...sizings.map((sizing) => {
        const total = sizing.rate * seconds * cost.journalBytes;
        const forMemory = total / PLAN.memoryBytes;
        return `${bytes(total)}, ${whole(Math.max(sizing.masters, Math.ceil(forMemory)))}, ${firstLimit(sizing, forMemory)}`;
      }),
    ]),
  );
  const most = (PLAN.utilisation * 1e6) / cost.redisMicros;
  const heard = (PLAN.utilisation * 1e6) / cost.heardMicros;
  return [
    `Calculated with the figures for ${cost.shards} shards. A shard is one slot and thus one core: at ${percent(PLAN.utilisation)} of it, ${whole(most)} sagas per second. A process that waits for outcomes hears of every end in the namespace: at ${whole(heard)} per second it has no time for anything else.`,
    flow,
    memory,
  ].join('\n\n');
}
