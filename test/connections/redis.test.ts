import type { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRedis } from '../../src/connections/redis.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';

/** What became of a command: never "waiting" for ever. */
async function fate(answer: Promise<unknown>): Promise<string> {
  return answer.then(
    (value) => `answered ${String(value)}`,
    (error: Error) => `rejected: ${error.name}`,
  );
}

describe('commands over a connection to Redis that is lost', () => {
  let proxy: FaultProxy;
  let redis: Redis;
  const open: Redis[] = [];

  beforeEach(async () => {
    proxy = await FaultProxy.before(serverUrl('REDIS_URL'));
    redis = await openRedis(proxy.url, { client: { maxRetriesPerRequest: null, retryStrategy: () => 20 } });
    open.push(redis);
  });
  afterEach(async () => {
    for (const one of open.splice(0)) one.disconnect();
    await proxy.close();
  });

  /** One that was sent and not answered, and one that was never sent; since then a connection came about and was lost, and others were refused. */
  async function inTheMiddle(connection: Redis): Promise<Promise<string>[]> {
    await connection.ping();
    proxy.freeze();
    const before = proxy.counts.held;
    const sent = fate(connection.ping('sent'));
    await eventually(() => expect(proxy.counts.held).toBeGreaterThan(before));
    proxy.cut();
    await eventually(() => expect(connection.status).toBe('connect'));
    proxy.refuse();
    await eventually(() => expect(connection.status).toBe('reconnecting'), { everyMs: 1 });
    const queued = fate(connection.ping('queued'));
    const refused = proxy.counts.refused;
    await eventually(() => expect(proxy.counts.refused).toBeGreaterThan(refused + 2));
    return [sent, queued];
  }

  test.each(['itself', 'copy', 'copy of a copy'])('are rejected when it is told to disconnect: %s', async (which) => {
    const copies: Record<string, () => Redis> = {
      itself: () => redis,
      copy: () => redis.duplicate(),
      'copy of a copy': () => redis.duplicate().duplicate(),
    };
    const connection = copies[which]!();
    connection.on('error', () => undefined);
    open.push(connection);
    const answers = await inTheMiddle(connection);
    await eventually(() => expect(connection.status).toBe('reconnecting'), { everyMs: 1 });
    const ended = new Promise((resolve) => connection.once('end', resolve));
    connection.disconnect();
    await ended;
    expect(await Promise.all(answers)).toEqual(['rejected: Error', 'rejected: Error']);
  });

  test('are rejected when it gives up, and it goes on when the server is back', async () => {
    const patient = redis.duplicate({ maxRetriesPerRequest: 5 });
    patient.on('error', () => undefined);
    open.push(patient);
    const answers = await inTheMiddle(patient);
    expect(await Promise.all(answers)).toEqual(['rejected: MaxRetriesPerRequestError', 'rejected: MaxRetriesPerRequestError']);
    proxy.pass();
    expect(await patient.ping('back')).toBe('back');
  });

  test('are answered when the server is back before that', async () => {
    const answers = await inTheMiddle(redis);
    proxy.pass();
    expect(await Promise.all(answers)).toEqual(['answered sent', 'answered queued']);
  });
});
