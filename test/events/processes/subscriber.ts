// A subscription in a process of its own, run by subscriber-process.ts: its settings as JSON, what happens as messages.
import { openPostgres } from '../../../src/connections/postgres.ts';
import type { EventHandler } from '../../../src/events/subscription-context.ts';
import { openRedisLog, openSqlLog } from '../fixture.ts';
import type { SubscriberSettings } from './subscriber-process.ts';

const { kind, url, namespace, name, options, dieAt, holdAt } = JSON.parse(process.argv[2]!) as SubscriberSettings;

function tell(what: string): Promise<void> {
  return new Promise((resolve) => process.send!(what, () => resolve()));
}

let goOn: () => void = () => undefined;
process.on('message', () => goOn());

const pool = kind === 'postgres' ? await openPostgres(url) : undefined;
const opened = pool === undefined ? await openRedisLog(url, namespace) : openSqlLog(pool, namespace);
let handled = 0;
const handle: EventHandler = async ({ aggregateId, version }, context) => {
  const effect = `${aggregateId} ${version}`;
  if (kind === 'redis') context.write('RPUSH', `{${namespace}}:effects`, effect);
  else await context.tx.query('INSERT INTO effects (effect) VALUES ($1)', [effect]);
  handled++;
  if (handled === dieAt) process.kill(process.pid, 'SIGKILL');
  if (handled === holdAt) {
    await tell('holding');
    await new Promise<void>((resolve) => (goOn = resolve));
  }
};
await opened.subscriptions.subscribe(name, options, handle);
process.once('SIGTERM', () => {
  void opened.close().then(async () => {
    await pool?.end();
    process.exit(0);
  });
});
await tell('ready');
