import { parseArgs } from 'node:util';
import type { Scenario } from './scenario.ts';

export interface BenchOptions extends Omit<Scenario, 'url'> {
  readonly fuse: boolean;
  readonly workKiB: number;
  readonly json: boolean;
  readonly rounds: number;
  readonly fsync: 'always' | 'everysec' | 'none';
  /** That start and work. */
  readonly processes: number;
  /** Transactions that are stored before a worker starts; 0: no such run. */
  readonly backlog: number;
  readonly transactions: number;
}

const HELP = `npm run bench -- [tcc|telemetry] [options]      Amends against a hand-written BullMQ flow, in alternation, on a server of its own

  --store redis|postgres|embedded   default redis
  --fsync always|everysec|none      of Redis' append-only file; default everysec
  --steps <n>                       default 3
  --payload <bytes>                 default 100
  --work <KiB>                      each step hashes; default 0: it does nothing
  --concurrency <n>                 jobs in work per worker; default 50
  --processes <n>                   that start and work, each its share; default 1. More: throughput only, compared with one on
                                    as many cores, and on one core
  --parallel                        steps in pairs, side by side
  --fuse                            steps of Amends' saga share a job; not with tcc
  --fail-at <step>                  the step that fails in the compensation runs; default the last
  --backlog <n>                     adds a run over so many transactions stored before
  --transactions <n>                in each run; default 1000, with telemetry 4000
  --rounds <n>                      pairs of each kind; default 7
  --json                            one JSON object as the last line

npm run bench -- events --help    the event store
npm run bench -- cluster --help   shards on a Redis Cluster
npm run bench -- lists --help     the console's lists`;

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new Error(`--${name} is ${text}: give a whole number from ${least}`);
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === text);
  if (found !== undefined) return found;
  throw new Error(`--${name} is ${text}: give one of ${allowed.join(', ')}`);
}

/** `undefined`: help was asked for, and given. */
export function optionsOf(args: readonly string[]): BenchOptions | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      parallel: { type: 'boolean', default: false },
      fuse: { type: 'boolean', default: false },
      store: { type: 'string', default: 'redis' },
      fsync: { type: 'string', default: 'everysec' },
      steps: { type: 'string', default: '3' },
      payload: { type: 'string', default: '100' },
      work: { type: 'string', default: '0' },
      concurrency: { type: 'string', default: '50' },
      processes: { type: 'string', default: '1' },
      'fail-at': { type: 'string' },
      backlog: { type: 'string', default: '0' },
      transactions: { type: 'string', default: '1000' },
      rounds: { type: 'string', default: '7' },
    },
  });
  if (values.help) {
    console.log(HELP);
    return undefined;
  }
  const processes = whole('processes', values.processes, 1);
  if (processes > 1 && values.store === 'embedded')
    throw new Error('--processes is for stores that processes share: an embedded one has a single process');
  const steps = whole('steps', values.steps, 1);
  return {
    json: values.json,
    parallel: values.parallel,
    fuse: values.fuse,
    store: oneOf('store', values.store, ['redis', 'postgres', 'embedded']),
    fsync: oneOf('fsync', values.fsync, ['always', 'everysec', 'none']),
    steps,
    payloadBytes: whole('payload', values.payload, 0),
    workKiB: whole('work', values.work, 0),
    concurrency: whole('concurrency', values.concurrency, 1),
    processes,
    failAt: values['fail-at'] === undefined ? steps : Math.min(steps, whole('fail-at', values['fail-at'], 1)),
    backlog: whole('backlog', values.backlog, 0),
    transactions: whole('transactions', values.transactions, 1),
    rounds: whole('rounds', values.rounds, 1),
  };
}
