import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Redis } from 'ioredis';
import { Client } from 'pg';
import { pino, type Logger } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { connect, engineOf } from '../../src/amends.ts';
import { openPostgres } from '../../src/connections/postgres.ts';
import { checkRedis, openRedis } from '../../src/connections/redis.ts';
import { saga } from '../../src/flows/saga.ts';
import { operationJobId } from '../../src/queues/names.ts';
import { MissingCode } from '../../src/workers/missing-code.ts';
import { connectTo, namedStep, OrderInput, useBench } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';

const SERVERS = { redis: 'REDIS_URL', postgres: 'DATABASE_URL' } as const;
const silent = { logger: pino({ level: 'silent' }) };

/** Lines of a log as objects. */
function memo(): { readonly logger: Logger; readonly lines: Record<string, unknown>[] } {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { logger, lines };
}

describe.each(['redis', 'postgres'] as const)('a start without %s', (kind) => {
  const url = (change: (url: URL) => void): string => {
    const changed = new URL(serverUrl(SERVERS[kind]));
    change(changed);
    return changed.href;
  };
  let mute: Server;
  const callers: Socket[] = [];

  beforeAll(async () => {
    mute = createServer((socket) => {
      callers.push(socket);
      socket.on('error', () => undefined).resume();
    }).listen(0, '127.0.0.1');
    await once(mute, 'listening');
  });
  afterAll(async () => {
    const closed = once(mute, 'close');
    mute.close();
    for (const socket of callers) socket.destroy();
    await closed;
  });

  async function refusal(at: string): Promise<Error> {
    const error: unknown = await connect(at, silent).then(
      () => new Error('it connected'),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect((error as Error).message).not.toContain('s3cret');
    return error as Error;
  }

  test('nothing listens there: says where, and what to start', async () => {
    const unused = createServer().listen(0, '127.0.0.1');
    await once(unused, 'listening');
    const { port } = unused.address() as AddressInfo;
    unused.close();
    await once(unused, 'close');
    const { message } = await refusal(`${kind}://me:s3cret@127.0.0.1:${port}`);
    expect(message).toContain(`127.0.0.1:${port}`);
    expect(message).toContain('nothing listens there: start');
  });

  test('it refuses the login: says so, and shows no password', async () => {
    const { message } = await refusal(
      url((at) => {
        at.username = 'nobody_here';
        at.password = 's3cret';
      }),
    );
    expect(message).toContain('put the right user and password into');
  });

  test('it has no such database: says so', async () => {
    const { message } = await refusal(url((at) => (at.pathname = kind === 'redis' ? '/999999' : '/no_such_database')));
    expect(message).toMatch(/correct the end of/);
  });

  test('nobody answers there: gives up in time', async () => {
    const { port } = mute.address() as AddressInfo;
    const at = `${kind}://127.0.0.1:${port}`;
    const opening = kind === 'redis' ? openRedis(at, { startTimeoutMs: 400 }) : openPostgres(at, { connectTimeoutMs: 400 });
    const began = performance.now();
    await expect(opening).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('the URL is not one: says how to write it', async () => {
    for (const bad of [`${kind}://`, `${kind}://host:notaport/`, 'http://127.0.0.1']) {
      await expect(connect(bad, silent)).rejects.toMatchObject({ code: expect.stringMatching(/INVALID_OPTION|STORE_UNREACHABLE/) });
    }
    await expect(connect('mysql://127.0.0.1', silent)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringContaining('use redis://, rediss:// or postgres://'),
    });
  });
});

describe('what Redis is found to be', () => {
  const store = useStore('redis');
  const user = `amends_test_${process.pid}`;
  let redis: Redis;

  beforeEach(async () => {
    redis = await openRedis(serverUrl('REDIS_URL'));
  });
  afterEach(async () => {
    await redis.call('ACL', 'DELUSER', user);
    await redis.quit();
  });

  /** The server's own answer, but for these fields. */
  async function answering(fields: Readonly<Record<string, string>>): Promise<void> {
    let text = await redis.info();
    for (const [field, value] of Object.entries(fields)) text = text.replace(new RegExp(`^${field}:.*$`, 'm'), `${field}:${value}`);
    vi.spyOn(redis, 'info').mockResolvedValue(text);
  }

  test('one that evicts is refused, with the command that mends it; by option it is a warning', async () => {
    await answering({ maxmemory_policy: 'allkeys-lru' });
    await expect(checkRedis(redis)).rejects.toMatchObject({
      code: 'STORE_UNSAFE',
      message: expect.stringContaining('CONFIG SET maxmemory-policy noeviction'),
    });
    const { warnings } = await checkRedis(redis, { allowUnsafe: true });
    expect(warnings[0]).toContain('maxmemory-policy allkeys-lru');
  });

  test('one that does not say is refused, and nothing is stored there', async () => {
    await redis.call('ACL', 'SETUSER', user, 'on', '>s3cret', '~*', '&*', '+@all', '-info', '-config');
    const url = new URL(store.url);
    url.username = user;
    url.password = 's3cret';
    const options = { namespace: store.namespace };
    await expect(connect(url.href, { ...options, ...silent })).rejects.toMatchObject({
      code: 'STORE_UNSAFE',
      message: expect.stringContaining('allowUnsafeRedis: true'),
    });
    expect(await store.traces(store.namespace)).toEqual([]);
    const { logger, lines } = memo();
    await (await connect(url.href, { ...options, logger, allowUnsafeRedis: true })).close();
    expect(lines).toContainEqual(
      expect.objectContaining({ level: 40, msg: expect.stringContaining('does not tell its maxmemory-policy') }),
    );
  });

  test('its persistence is said at the start, with what a crash would lose', async () => {
    const { logger, lines } = memo();
    await (await connectTo(store, { logger })).close();
    const { persistence } = await checkRedis(redis);
    expect(lines).toContainEqual(expect.objectContaining({ level: 30, persistence, msg: 'redis' }));
    await answering({ aof_enabled: '1' });
    expect(await checkRedis(redis)).toMatchObject({ persistence: 'aof', warnings: [] });
    await answering({ aof_enabled: '0' });
    const config = vi.spyOn(redis, 'config');
    config.mockResolvedValue(['save', ''] as never);
    expect(await checkRedis(redis)).toMatchObject({ persistence: 'none', warnings: [expect.stringContaining('keeps nothing on disk')] });
    config.mockResolvedValue(['save', '3600 1'] as never);
    expect(await checkRedis(redis)).toMatchObject({ persistence: 'rdb', warnings: [expect.stringContaining('since the last one')] });
  });
});

describe('PostgreSQL without our tables', () => {
  const store = useStore('postgres');

  test('without leave to make them: says what to run, and makes none', async () => {
    await expect(connectTo(store, { migrate: false })).rejects.toMatchObject({
      code: 'MIGRATION_NEEDED',
      message: expect.stringContaining('npx amends migrate'),
    });
    const client = new Client({ connectionString: store.url });
    await client.connect();
    const { rows } = await client.query("SELECT nspname FROM pg_namespace WHERE nspname IN ($1, 'bullmq')", [store.namespace]);
    await client.end();
    expect(rows).toEqual([]);
  });
});

describe.each(STORE_KINDS)('inputs on %s', (kind) => {
  const bench = useBench(kind);

  test('S95 what is circular, too deep or no data is refused, nothing of it is stored, and the others go on', async () => {
    const anything = saga({ name: 'anything', version: 1, input: z.any() }).step(namedStep('only', bench.ledger), () => ({ order: 'x' }));
    await bench.work([anything]);
    const circular: Record<string, unknown> = { mark: 'needle' };
    circular['self'] = circular;
    let deep: unknown = 'needle';
    for (let i = 0; i < 5_000; i++) deep = [deep];
    for (const [id, input] of Object.entries({
      circular,
      deep,
      big: { needle: 1n },
      call: { needle: () => 1 },
      none: { needle: Symbol('x') },
    })) {
      await expect(bench.amends.start(anything, input, { id })).rejects.toMatchObject({ code: expect.stringMatching(/^PAYLOAD_/) });
      await expect(bench.amends.get(id).view()).rejects.toMatchObject({ code: 'TRANSACTION_NOT_FOUND' });
    }
    expect((await bench.amends.list()).transactions).toEqual([]);
    const run = await bench.amends.start(anything, {});
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
  });

  test('`__proto__` in an input stays data', async () => {
    const hostile: unknown = JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    let seen: unknown;
    const careful = saga({ name: 'careful', version: 1, input: z.any() }).step(
      namedStep('only', bench.ledger, { run: () => void (seen = ({} as { polluted?: unknown }).polluted) }),
      () => ({ order: 'x' }),
    );
    await bench.work([careful]);
    const run = await bench.amends.start(careful, hostile);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(JSON.stringify((await run.view()).input)).toBe(JSON.stringify(hostile));
    expect(seen).toBeUndefined();
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe.each(['redis', 'postgres'] as const)('a worker without the definition on %s', (kind) => {
  const bench = useBench(kind);

  test('O13 says so once, marks the job, and the other sagas go on', async () => {
    const old = saga({ name: 'moved', version: 1, input: OrderInput }).step(namedStep('go', bench.ledger), ({ input }) => input);
    const next = saga({ name: 'moved', version: 2, input: OrderInput }).step(namedStep('went', bench.ledger), ({ input }) => input);
    const { logger, lines } = memo();
    const other = await connectTo(bench.store, { logger });
    try {
      await other.worker({ sagas: [next] }).run();
      const waiting = await bench.amends.start(old, { order: 'old' }, { id: 'waiting' });
      const queue = engineOf(bench.amends).queues.bullQueue('saga-moved');
      await eventually(async () => {
        const job = await queue.getJob(operationJobId('waiting', 'go', 'run'));
        expect(job?.progress).toBe('waits for a worker that has version 1 of saga "moved"');
        expect(job?.attemptsStarted).toBeGreaterThan(2);
      });
      const going = await bench.amends.start(next, { order: 'new' });
      expect((await going.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
      const said = lines.filter(({ msg }) => String(msg).includes('has not version 1 of saga "moved"'));
      expect(said).toHaveLength(1);
      expect((await waiting.view()).status).toBe('running');
    } finally {
      await other.close();
    }
  });
});

test('O13 when nobody seems to have it, that is an error in the log, with what to do', () => {
  const { logger, lines } = memo();
  const missing = new MissingCode(logger);
  const state = { saga: 'order', definitionVersion: 3 } as Parameters<MissingCode['definition']>[0];
  for (let deliveries = 1; deliveries <= 60; deliveries++) {
    const delivery = { jobId: 'run.o.charge', name: 'charge', data: {}, deliveries, failures: 0, keep: () => Promise.resolve() };
    expect(missing.definition(state, delivery)).toMatchObject({ kind: 'postpone' });
  }
  expect(lines.map(({ level }) => level)).toEqual([40, 50]);
  expect(lines[1]).toMatchObject({
    saga: 'order',
    definitionVersion: 3,
    msg: expect.stringContaining('deploy a worker that has version 3'),
  });
});
