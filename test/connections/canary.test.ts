import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { allCanaries, canaryIn } from '../../src/connections/canary.ts';
import { serverUrl } from '../support/server-url.ts';

let redis: Redis;
let namespace: string;
const keys = () => redis.keys(`{${namespace}}:canary:*`);

beforeAll(() => {
  redis = new Redis(serverUrl('REDIS_URL'));
});
beforeEach(() => {
  namespace = `test_${randomBytes(6).toString('hex')}`;
});
afterEach(async () => {
  vi.restoreAllMocks();
  const left = await keys();
  if (left.length > 0) await redis.del(...left);
});
afterAll(() => redis.disconnect());

test('a loss of the last write is seen, although others have counted on, and once', async () => {
  const [mine, others] = [canaryIn(redis, namespace), canaryIn(redis, namespace)];
  for (let i = 0; i < 3; i++) expect(await mine()).toBeUndefined();
  const [key] = await keys();
  await redis.decr(key!);
  for (let i = 0; i < 5; i++) expect(await others()).toBeUndefined();
  expect(await mine()).toEqual({ acknowledged: 3, found: 2 });
  expect(await mine()).toBeUndefined();
});

test('a server that has lost everything has lost this too', async () => {
  const mine = canaryIn(redis, namespace);
  await mine();
  await redis.del(...(await keys()));
  expect(await mine()).toEqual({ acknowledged: 1, found: 0 });
});

test('what a process leaves is gone after a while, which is no loss to one that slept', async () => {
  const mine = canaryIn(redis, namespace);
  await mine();
  const [key] = await keys();
  expect(await redis.ttl(key!)).toBeGreaterThan(600);
  await redis.del(key!);
  const now = Date.now();
  vi.spyOn(Date, 'now').mockReturnValue(now + 7_200_000);
  expect(await mine()).toBeUndefined();
});

test('a part of the store that does not answer keeps no loss of another from being told', async () => {
  const lost = { acknowledged: 2, found: 1 };
  const all = allCanaries([() => Promise.reject(new Error('away')), () => Promise.resolve(undefined), () => Promise.resolve(lost)]);
  expect(await all()).toEqual(lost);
  expect(await allCanaries([() => Promise.reject(new Error('away'))])()).toBeUndefined();
});
