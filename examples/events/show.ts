// Reads the table that read-model.ts keeps, as any program can: node dist/examples/events/show.js
import { connectEvents } from 'amends/events';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { namespace, onRedis } from './environment.ts';

async function rowsIn(table: string): Promise<Readonly<Record<string, string>>> {
  const url = process.env['AMENDS_URL'] ?? '';
  if (onRedis) {
    const redis = new Redis(url);
    const rows = await redis.hgetall(table);
    await redis.quit();
    return rows;
  }
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ id: string; status: string }>(`SELECT id, status FROM ${table}`);
  await client.end();
  return Object.fromEntries(rows.map(({ id, status }) => [id, status]));
}

await using connection = await connectEvents(undefined, { namespace });
const table = await connection.events.projectionTable('order_status', 'order_status');
if (table === undefined) throw new Error('there is no read model: start dist/examples/events/read-model.js');
const rows = Object.entries(await rowsIn(table));
for (const [id, status] of rows.toSorted(([a], [b]) => a.localeCompare(b, 'en', { numeric: true }))) console.log(`${id}  ${status}`);
