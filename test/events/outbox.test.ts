import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inTransaction } from '../../src/connections/sql.ts';
import { jobIdOf, reactionId } from '../../src/events/reaction.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { useStore } from '../support/stores.ts';
import { event, freshStream, upTo } from '../support/streams.ts';
import { openEvents, type OpenEvents } from './fixture.ts';

const script = fileURLToPath(new URL('../support/run-typescript.mjs', import.meta.url));
const relay = fileURLToPath(new URL('./processes/relay.ts', import.meta.url));

describe('the outbox from postgres to BullMQ on redis', () => {
  const store = useStore('postgres');
  let opened: OpenEvents;
  let queue: Queue;
  let redis: Redis;
  const children = new Set<ChildProcess>();
  beforeAll(async () => {
    opened = await openEvents(store);
    redis = new Redis(serverUrl('REDIS_URL'), { maxRetriesPerRequest: null });
    queue = new Queue(store.namespace, { connection: redis });
    await opened.sql!.query('CREATE TABLE orders (id text)');
  });
  afterAll(async () => {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await queue.obliterate({ force: true });
    await queue.close();
    await redis.quit();
    await opened.close();
  });

  async function startRelay(): Promise<ChildProcess> {
    const settings = {
      databaseUrl: store.url,
      redisUrl: serverUrl('REDIS_URL'),
      namespace: store.namespace,
      queueName: store.namespace,
      category: 'order',
    };
    const child = fork(script, [relay, JSON.stringify(settings)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.add(child);
    await once(child, 'message');
    return child;
  }

  test('a relay that is killed again and again: every committed event becomes one job, in order; what was rolled back none', async () => {
    const streams = upTo(6).map(() => freshStream('order'));
    const committed: string[] = [];
    const writing = (async () => {
      for (let round = 0; round < 25; round++) {
        for (const stream of streams) {
          const one = event({ round });
          const rollback = (round + streams.indexOf(stream)) % 5 === 4;
          await inTransaction(opened.sql!, async (tx) => {
            await tx.query('INSERT INTO orders VALUES ($1)', [one.eventId]);
            await opened.events.append(stream, [one], { expectedVersion: 'any', tx });
            if (rollback) throw new Error('rolled back');
          }).then(
            () => committed.push(one.eventId),
            () => undefined,
          );
        }
        await delay(10);
      }
    })();
    let kills = 0;
    for (const atLeast of [5, 30, 70]) {
      const child = await startRelay();
      await eventually(async () => expect(await queue.count()).toBeGreaterThanOrEqual(atLeast), { everyMs: 2 });
      child.kill('SIGKILL');
      await once(child, 'exit');
      kills++;
    }
    await writing;
    const last = await startRelay();
    await eventually(async () => expect(await queue.count()).toBe(committed.length));
    expect(kills).toBe(3);
    const jobs = await queue.getWaiting(0, -1);
    expect(new Set(jobs.map(({ id }) => id))).toEqual(new Set(committed));
    const order = new Map<string, number[]>();
    // As they will be worked off: the first that was added first.
    for (const { data, name } of jobs) {
      const { aggregateId, version } = data as { aggregateId: string; version: number };
      expect(name).toBe('order_created');
      order.set(aggregateId, [...(order.get(aggregateId) ?? []), version]);
    }
    for (const versions of order.values()) expect(versions).toEqual(upTo(versions.length));
    const { rows } = await opened.sql!.query<{ count: number }>('SELECT count(*)::integer AS count FROM orders');
    expect(rows[0]!.count).toBe(committed.length);
    last.kill('SIGKILL');
    await once(last, 'exit');
  });
});

test('the id of a job is one that BullMQ takes, and the same for the same event', () => {
  expect(jobIdOf('3f2b8c1e-0000-4000-8000-000000000000')).toBe('3f2b8c1e-0000-4000-8000-000000000000');
  for (const odd of ['123', 'a:b', 'order-1/3', 'ä', 'x'.repeat(300)]) {
    expect(jobIdOf(odd)).toMatch(/^event-[A-Za-z0-9_-]{43}$/);
    expect(jobIdOf(odd)).toBe(jobIdOf(odd));
    expect(jobIdOf(odd)).not.toBe(jobIdOf(`${odd} `));
  }
  expect(reactionId('shipping', 'e1')).toBe('shipping.e1');
  expect(reactionId('shipping', 'e1', 'mail')).toBe('shipping.e1.mail');
});
