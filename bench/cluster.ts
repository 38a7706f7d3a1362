import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { found } from '../scripts/servers/packages.mjs';
import { findRedis } from '../scripts/servers/redis.mjs';
import { startRedisCluster } from '../scripts/servers/redis-cluster.mjs';
import { runOnCluster, type ClusterSample } from './cluster-run.ts';
import { arithmetic, measuredTable } from './scale.ts';

const HELP = `npm run bench -- cluster [options]   sagas of three steps over shards, on a Redis Cluster of its own

  --shards <n,n,…>           default 1,2,4,8
  --masters <n>              nodes of the cluster; default 3
  --transactions <n>         in each run; default 2000
  --rounds <n>               runs over each number of shards, in turn; default 5
  --write                    puts the tables into bench/scale.md
  --json                     one JSON object as the last line`;

const REPORT = join(process.cwd(), 'bench/scale.md');

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Of each figure the median of the runs. */
function medianOf(samples: readonly ClusterSample[]): ClusterSample {
  const [first] = samples;
  const entries = Object.keys(first!).map((key) => {
    const values = samples.map((sample) => sample[key as keyof ClusterSample]);
    if (typeof values[0] === 'number') return [key, median(values as number[])];
    return [key, (values[0] as readonly number[]).map((_value, i) => median((values as number[][]).map((some) => some[i]!)))];
  });
  return Object.fromEntries(entries) as ClusterSample;
}

function wholes(name: string, text: string): readonly number[] {
  const values = text.split(',').map(Number);
  if (values.every((value) => Number.isSafeInteger(value) && value >= 1)) return values;
  throw new Error(`--${name} is ${text}: give whole numbers from 1`);
}

/** Puts a text between the marks of that name. */
function fill(report: string, name: string, text: string): string {
  const [begin, end] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [from, to] = [report.indexOf(begin), report.indexOf(end)];
  if (from < 0 || to < from) throw new Error(`bench/scale.md has no place for ${name}: put ${begin} and ${end} into it`);
  return `${report.slice(0, from)}${begin}\n\n${text}\n\n${report.slice(to)}`;
}

export async function benchCluster(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      shards: { type: 'string', default: '1,2,4,8' },
      masters: { type: 'string', default: '3' },
      transactions: { type: 'string', default: '2000' },
      rounds: { type: 'string', default: '5' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return;
  }
  const shards = wholes('shards', values.shards);
  const one = (name: 'masters' | 'transactions' | 'rounds'): number => wholes(name, values[name])[0]!;
  const [masters, transactions, rounds] = [one('masters'), one('transactions'), one('rounds')];
  const binary = await found('redis', findRedis);
  const load = loadavg()[0]!.toFixed(1);
  const cluster = await startRedisCluster(binary, { masters });
  // The nodes would outlive this process.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void cluster.stop().finally(() => process.exit(1)));
  const samples = new Map<number, ClusterSample[]>(shards.map((count) => [count, []]));
  try {
    // Each file grows by what is written in the runs, and by nothing else.
    for (const node of cluster.nodes) await node.ask((redis) => redis.config('SET', 'auto-aof-rewrite-percentage', '0'));
    for (let round = 0; round < rounds; round++) {
      for (const count of round % 2 === 0 ? shards : shards.toReversed()) {
        const sample = await runOnCluster(cluster, count, transactions);
        samples.get(count)!.push(sample);
        const { sagasPerSec, starterMicros, workerMicros, redisMicros } = sample;
        console.log(
          `${count} shard(s): ${sagasPerSec.toFixed(0)} sagas/s, ${(starterMicros + workerMicros).toFixed(0)} µs Node, ${redisMicros.toFixed(0)} µs Redis`,
        );
      }
    }
  } finally {
    await cluster.stop();
  }
  const medians = shards.map((count) => medianOf(samples.get(count)!));
  const where = `${rounds} runs of ${transactions} sagas over each number of shards; ${masters} masters, three processes of Node and this report share ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), Node ${process.versions.node}. Load of the machine before: ${load}.`;
  const measured = `${where}\n\n${measuredTable(medians)}`;
  const derived = arithmetic(medians);
  console.log(`\n${measured}\n\n${derived}`);
  if (values.write) {
    let report = readFileSync(REPORT, 'utf8');
    for (const [name, text] of Object.entries({ measured, arithmetic: derived })) report = fill(report, name, text);
    writeFileSync(REPORT, report);
  }
  if (values.json) console.log(JSON.stringify(medians));
}
