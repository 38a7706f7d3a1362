import { parseArgs } from 'node:util';
import { STORES, type StoreChoice } from './scene.ts';

export interface Options {
  readonly seed: number;
  /** How long faults happen. */
  readonly minutes: number;
  readonly json: boolean;
  readonly store: StoreChoice;
  readonly transactions: number;
  readonly workers: number;
  /** Only these, or none; all of them whatever time they take. Default: as many as there is time for. */
  readonly faults: readonly string[] | undefined;
  readonly lockMs: number;
}

export const USAGE = `Runs random faults over sagas in flight on servers of its own, mends them, and judges what is left.

  npm run faults -- [--seed N] [--minutes M] [--json] [--store redis|postgres|redis+postgres]
                    [--transactions 500] [--workers 3] [--faults name,name…] [--lock-ms 6000]

With --faults none nothing is broken, and nobody may be told anything.

The seed decides which faults happen, in which order and to whom. Exit code 1: something was lost, happened twice or in the wrong order, or
hangs unseen; or a fault of the list did not happen. The last line of the output is JSON with --json.`;

function whole(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least)
    throw new Error(`--${name} is ${JSON.stringify(text)}: give a whole number from ${least}`);
  return value;
}

/** `undefined`: help was asked for. */
export function parseOptions(args: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      seed: { type: 'string', default: String(Math.floor(Math.random() * 1e6)) },
      minutes: { type: 'string', default: '3' },
      json: { type: 'boolean', default: false },
      store: { type: 'string', default: 'redis' },
      transactions: { type: 'string', default: '500' },
      workers: { type: 'string', default: '3' },
      faults: { type: 'string' },
      'lock-ms': { type: 'string', default: '6000' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error(`--minutes is ${JSON.stringify(values.minutes)}: give a number above 0`);
  const store = STORES.find((known) => known === values.store);
  if (store === undefined) throw new Error(`--store is ${JSON.stringify(values.store)}: give one of ${STORES.join(', ')}`);
  return {
    seed: whole('seed', values.seed, 0),
    minutes,
    json: values.json,
    store,
    transactions: whole('transactions', values.transactions, 20),
    workers: whole('workers', values.workers, 2),
    faults: values.faults === 'none' ? [] : values.faults?.split(','),
    lockMs: whole('lock-ms', values['lock-ms'], 500),
  };
}
