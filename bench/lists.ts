import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { startDashboard } from '../dashboard/server/index.ts';
import { connect } from '../src/amends.ts';
import { fillJournal } from './fill-journal.ts';
import { openPlace } from './place.ts';

const HELP = `npm run bench -- lists [options]      How long the console's lists take, over HTTP, on a server of its own

  --store redis|postgres|embedded   default redis
  --transactions <n>                default 10000
  --rounds <n>                      requests of each kind; default 30`;

/** The paths that the console asks for. */
const LISTS: Readonly<Record<string, string>> = {
  all: 'transactions?limit=50',
  'limit 200': 'transactions?limit=200',
  status: 'transactions?status=stuck&limit=50',
  'two statuses': 'transactions?status=stuck&status=running&limit=50',
  'saga and status': 'transactions?saga=saga1&status=completed&limit=50',
  kind: 'transactions?kind=saga&limit=50',
  tag: 'transactions?tag=customer%3Dc7&limit=50',
  'id prefix': 'transactions?idPrefix=tx-00042&limit=50',
  'id prefix, none': 'transactions?idPrefix=nothing&limit=50',
  error: 'transactions?error=declined&limit=50',
  'error, none': 'transactions?error=nothing&limit=50',
  time: 'transactions?fromMs=1&limit=50',
  inbox: 'inbox',
  statistics: 'statistics',
  services: 'services',
};

interface Took {
  /** With an empty cache, and code that was not compiled yet. */
  readonly first: number;
  readonly sorted: readonly number[];
}

/** Asks again and again, and gives how long each took, in milliseconds. */
async function ask(url: string, rounds: number): Promise<Took> {
  const took: number[] = [];
  for (let i = 0; i <= rounds; i++) {
    const from = performance.now();
    const answer = await fetch(url);
    await answer.text();
    if (!answer.ok) throw new Error(`${url} was answered with ${answer.status}`);
    took.push(performance.now() - from);
  }
  const [first = Number.NaN, ...rest] = took;
  return { first, sorted: rest.sort((a, b) => a - b) };
}

/** `npm run bench -- lists` */
export async function benchLists(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', default: false },
      store: { type: 'string', default: 'redis' },
      transactions: { type: 'string', default: '10000' },
      rounds: { type: 'string', default: '30' },
    },
  });
  if (values.help) return console.log(HELP);
  const store = values.store as 'redis' | 'postgres' | 'embedded';
  const place = await openPlace({ store, fsync: 'everysec' });
  try {
    const fresh = await place.fresh();
    const amends = await connect(store === 'embedded' ? '' : fresh, { logger: pino({ level: 'silent' }), folder: fresh });
    try {
      await fillJournal(amends, Number(values.transactions));
      const dashboard = await startDashboard(amends, { port: 0 });
      console.log(`${values.transactions} transactions on ${store}, ${values.rounds} requests each, milliseconds`);
      console.log('list               first     p50     p95   worst');
      for (const [name, path] of Object.entries(LISTS)) {
        const { first, sorted } = await ask(`${dashboard.url}/api/v1/${path}`, Number(values.rounds));
        const at = (share: number): string =>
          sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!.toFixed(1).padStart(8);
        console.log(`${name.padEnd(16)}${first.toFixed(1).padStart(8)}${at(0.5)}${at(0.95)}${at(1)}`);
      }
      await dashboard.close();
    } finally {
      await amends.close();
    }
  } finally {
    await place.close();
  }
}
