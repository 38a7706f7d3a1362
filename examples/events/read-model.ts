// Keeps a table of how each order stands: node dist/examples/events/read-model.js
// A process of its own. The table and how far it has come move together, so that no event counts twice and none is left out.
import { once } from 'node:events';
import { connectEvents } from 'amends/events';
import { namespace, onRedis } from './environment.ts';
import { orders } from './orders.ts';

await using connection = await connectEvents(undefined, { namespace });

await connection.events.project({
  name: 'order_status',
  version: 1,
  events: [orders],
  tables: ['order_status'],
  setup: onRedis
    ? () => undefined
    : ({ tx, table }) => tx.query(`CREATE TABLE ${table('order_status')} (id text PRIMARY KEY, status text NOT NULL)`),
  handle(event, context) {
    if (event.type === '$unknown') return undefined;
    const [table, row] = [context.table('order_status'), [event.aggregateId, event.type]] as const;
    if (onRedis) return context.write('HSET', table, ...row);
    return context.tx.query(`INSERT INTO ${table} VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET status = excluded.status`, row);
  },
});
console.log('keeping order_status; Ctrl-C ends it');
await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
