// An outbox relay in a process of its own, from PostgreSQL to a BullMQ queue on Redis: its settings as JSON.
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { connectEvents } from '../../../src/connect-events.ts';

const { databaseUrl, redisUrl, namespace, queueName, category } = JSON.parse(process.argv[2]!) as Readonly<
  Record<'databaseUrl' | 'redisUrl' | 'namespace' | 'queueName' | 'category', string>
>;
const { events } = await connectEvents(databaseUrl, { namespace: namespace });
const queue = new Queue(queueName, { connection: new Redis(redisUrl, { maxRetriesPerRequest: null }) });
await events.relay('outbox', { events: [category], from: 'start', partitions: 2, leaseMs: 600, batch: 10, queue });
process.send!('ready');
