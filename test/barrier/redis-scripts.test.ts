import { saga, step } from 'amends';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  BarrierMismatchError,
  BarrierTornError,
  redisBarrier,
  retentionFloorMs,
  withRedisBarrier,
  type RedisWork,
} from '../../src/barrier/index.ts';
import { eventually } from '../support/eventually.ts';
import { useRedisParticipant } from './redis-fixture.ts';

const participant = useRedisParticipant();
const operations = () => participant.operations();
const deliver = participant.deliver.bind(participant);
const guardOf = (gid: string) => `txn_barrier::${gid}:debit:01`;

describe('the reply of a script', () => {
  test.each<[string, string, unknown]>([
    ['nothing', '', null],
    ['nil', 'return nil', null],
    ['false', 'return false', null],
    ['true', 'return true', 1],
    ['a number', 'return -3.9', -3],
    ['a large number', 'return 4503599627370495', 4503599627370495],
    ['an empty list', 'return {}', []],
    ['a nested list', `return { 1, { 'a', false, { } }, 'b' }`, [1, ['a', null, []], 'b']],
    ['a list with a nil', `return { 1, nil, 3 }`, [1]],
    ['a status', `return redis.status_reply('FINE')`, 'FINE'],
    ['text', `return 'é "quoted"\\n\\0/'`, 'é "quoted"\n\0/'],
    ['JSON', `return cjson.encode({ a = 1 }) -- a comment at the end`, '{"a":1}'],
  ])('%s is what EVAL gives, now and for a duplicate', async (_, script, result) => {
    const { run } = operations();
    const evaluated: unknown = await participant.redis.eval(script, 0);
    expect(evaluated).toEqual(result);
    const outcomes = [
      await deliver(run, { keys: [], script: script || '-- nothing' }),
      await deliver(run, { keys: [], script: '-- nothing' }),
    ];
    expect(outcomes).toEqual([
      { kind: 'executed', result },
      { kind: 'duplicate', result },
    ]);
  });

  test.each([`return 0 / 0`, `return 1 / 0`, `return tostring`, `local t = {} t[1] = t return t`, `return string.rep('x', 1024 * 1024)`])(
    'what can not be kept is an error that leaves nothing: %s',
    async (script) => {
      const { gid, run } = operations();
      await expect(deliver(run, { keys: [], script })).rejects.toThrow(/no reply for|over the limit/);
      expect(await participant.redis.exists(guardOf(gid))).toBe(0);
    },
  );
});

describe('a script that fails', () => {
  test.each<[string, string]>([
    ['a refusal', `redis.call('GET', KEYS[1]) return redis.error_reply('REFUSED out of stock')`],
    ['a refusal that is thrown', `redis.pcall('HGETALL', KEYS[1]) error({ err = 'REFUSED out of stock' })`],
    [
      'a refusal after commands that the server has to be asked about',
      `redis.call('OBJECT', 'ENCODING', KEYS[1]) redis.call('ZRANGEBYSCORE', 'none', 0, 1) return redis.error_reply('REFUSED out of stock')`,
    ],
    ['a refusal after a write that failed', `redis.pcall('LPUSH', KEYS[1], 1) return redis.error_reply('REFUSED out of stock')`],
  ])('before it wrote, %s, is definite', async (_, script) => {
    const { gid, run } = operations();
    await participant.redis.set(`${gid}:stock`, 1);
    const failing = deliver(run, { keys: [`${gid}:stock`], script });
    await expect(failing).rejects.toMatchObject({ code: 'STEP_FAILED', message: 'out of stock', retryable: false });
    expect(await participant.redis.exists(guardOf(gid))).toBe(0);
  });

  test('without a reason is refused all the same', async () => {
    const { run } = operations();
    const failing = deliver(run, { keys: [], script: `return redis.error_reply('REFUSED')` });
    await expect(failing).rejects.toMatchObject({ code: 'STEP_FAILED', message: 'the participant refused it' });
  });

  test('names its own line, and is no refusal', async () => {
    const { run } = operations();
    const failing = deliver(run, { keys: [], script: `\n\nlocal x = nil + 1` });
    await expect(failing).rejects.toThrow(/:3: attempt to perform arithmetic/);
    await expect(failing).rejects.not.toMatchObject({ code: 'STEP_FAILED' });
    await expect(deliver(run, { keys: [], script: 'return 1 +' })).rejects.toThrow(/compiling script/);
    expect((await deliver(run)).kind).toBe('executed');
  });

  test.each<[string, string]>([
    ['an error', `redis.call('INCR', KEYS[1]) error('half way')`],
    ['a refusal', `server.call('INCR', KEYS[1]) return redis.error_reply('REFUSED half way')`],
    ['a command that fails', `redis.pcall('incr', KEYS[1]) redis.call('LPUSH', KEYS[1], 1)`],
    ['a message to others', `redis.call('PUBLISH', KEYS[1], 1) error('half way')`],
    ['a reply that can not be kept', `redis.call('INCR', KEYS[1]) return 0 / 0`],
  ])('after it wrote, by %s, closes the branch: neither it nor its undo runs again', async (_, script) => {
    const { gid, run, compensate } = operations();
    const work = { keys: [`${gid}:n`], script };
    const torn = { code: 'BARRIER_TORN', retryable: false, details: { op: 'run', guard: guardOf(gid) } };
    for (let i = 0; i < 2; i++) {
      await expect(deliver(run, work)).rejects.toMatchObject(torn);
      await expect(deliver(run)).rejects.toBeInstanceOf(BarrierTornError);
      await expect(deliver(compensate)).rejects.toMatchObject(torn);
    }
    expect(Number(await participant.redis.get(`${gid}:n`))).toBeLessThanOrEqual(1);
    expect(await participant.effects(gid)).toEqual([]);
    // What the message says: the data is put right, the field removed.
    await participant.redis.del(`${gid}:n`);
    await participant.redis.hdel(guardOf(gid), 'run');
    expect((await deliver(run)).kind).toBe('executed');
    expect((await deliver(compensate)).kind).toBe('executed');
  });

  test('an undo that fails half way is torn too, and leaves the action as it is', async () => {
    const { gid, run, compensate } = operations();
    await deliver(run);
    const failing = { keys: [`${gid}:effects`], script: `redis.call('RPUSH', KEYS[1], 'compensate -1') error('half way')` };
    await expect(deliver(compensate, failing)).rejects.toMatchObject({ code: 'BARRIER_TORN', details: { op: 'compensate' } });
    expect((await deliver(run)).kind).toBe('duplicate');
    expect(await participant.effects(gid)).toEqual(['run', 'compensate']);
  });

  test('a list of commands of which the second can not be done is torn', async () => {
    const { gid, run } = operations();
    const commands = [
      ['SET', `${gid}:n`, 1],
      ['LPUSH', `${gid}:n`, 1],
    ];
    await expect(deliver(run, { keys: [`${gid}:n`], commands })).rejects.toMatchObject({ code: 'BARRIER_TORN' });
    const other = operations();
    await expect(deliver(other.run, { keys: [`${gid}:n`], commands: commands.slice(1) })).rejects.toThrow('WRONGTYPE');
    expect(await participant.redis.exists(guardOf(other.gid))).toBe(0);
  });

  test('a guard that holds something else is not taken for one', async () => {
    const { gid, run, compensate } = operations();
    await participant.redis.hset(guardOf(gid), 'run', 'mine');
    for (const call of [run, compensate]) await expect(deliver(call)).rejects.toMatchObject({ code: 'STORE_CORRUPT' });
    const other = operations();
    await participant.redis.set(guardOf(other.gid), 'mine');
    await expect(deliver(other.run)).rejects.toThrow('WRONGTYPE');
    expect(await participant.effects(other.gid)).toEqual([]);
  });
});

test('a user who may not write the guard changes nothing', async () => {
  const { gid, run } = operations();
  const user = `${participant.prefix}-user`;
  await participant.redis.call('ACL', 'SETUSER', user, 'on', 'nopass', '~*', '+@all', '-hset');
  const limited = participant.redis.duplicate({ username: user, password: 'any' });
  try {
    await expect(redisBarrier(limited, run, participant.effect(run))).rejects.toThrow('NOPERM');
  } finally {
    await limited.quit();
    await participant.redis.call('ACL', 'DELUSER', user);
  }
  expect(await participant.effects(gid)).toEqual([]);
});

test('a server that has forgotten its scripts gets them again', async () => {
  const { gid, run } = operations();
  const work = { keys: [`${gid}:n`], script: `return redis.call('INCR', KEYS[1]) -- ${gid}` };
  expect((await deliver(run, work)).kind).toBe('executed');
  await participant.redis.script('FLUSH');
  expect((await deliver(run, work)).kind).toBe('duplicate');
});

describe('keys', () => {
  test('a hash tag puts the guard into the slot of the keys', async () => {
    const { gid, run } = operations();
    const work = { keys: [`{${gid}}:n`], commands: [['INCR', `{${gid}}:n`]] };
    expect((await deliver(run, work, { hashTag: gid })).kind).toBe('executed');
    expect(await participant.redis.hgetall(`{${gid}}:${guardOf(gid)}`)).toMatchObject({
      run: expect.stringMatching(/^run [0-9a-f]+ \[1\]$/),
    });
  });

  test.each<[string, RedisWork, object]>([
    ['a key of another slot', { keys: ['{a}:n', 'n:{b}'], script: 'return 1' }, { hashTag: 'a' }],
    ['a key without a tag', { keys: ['a'], script: 'return 1' }, { hashTag: 'a' }],
    ['a tag with braces', { keys: [], script: 'return 1' }, { hashTag: '{a}' }],
    ['an empty key', { keys: [''], script: 'return 1' }, {}],
    ['a number as a key', { keys: [1 as never], script: 'return 1' }, {}],
    ['an empty script', { keys: [], script: ' ' }, {}],
    ['a script for EVAL only', { keys: [], script: '#!lua flags=no-writes\nreturn 1' }, {}],
    ['a script and commands', { keys: [], script: 'return 1', commands: [['PING']] } as never, {}],
    ['neither', { keys: [] } as never, {}],
    ['no commands', { keys: [], commands: [] }, {}],
    ['an empty command', { keys: [], commands: [[]] }, {}],
    ['an argument that is no number', { keys: [], commands: [['SET', 'a', Number.NaN]] }, {}],
    ['an argument that is an object', { keys: [], script: 'return 1', args: [{} as never] }, {}],
    ['too many arguments', { keys: [], commands: [['DEL', ...Array.from({ length: 5000 }, () => 'a')]] }, {}],
  ])('%s is refused before anything is sent', async (_, work, options) => {
    const { run } = operations();
    await expect(deliver(run, work, options)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('many arguments fit', async () => {
    const { gid, run } = operations();
    const values = Array.from({ length: 3900 }, (_unused, i) => i);
    expect(await deliver(run, { keys: [`${gid}:l`], commands: [['RPUSH', `${gid}:l`, ...values]] })).toMatchObject({ result: [3900] });
    const counted = { keys: [], script: 'return #ARGV', args: values };
    expect(await deliver({ ...run, branchId: 'other' }, counted)).toMatchObject({ result: 3900 });
  });
});

describe('retention', () => {
  const any = z.object({});
  const policy = { timeoutMs: 1000, retry: { attempts: 3, maxDelayMs: 500 } };
  const pay = step({ name: 'pay', input: any, result: any, ...policy, run: () => ({}), compensate: () => undefined });
  const sagas = [saga({ name: 'paying', version: 1, input: any, deadlineMs: 7000 }).step(pay, () => ({}))];
  const floor = retentionFloorMs(sagas);

  test('without it the guard stays; with it, it stays for the floor or for longer', async () => {
    const ttl = async (gid: string) => participant.redis.pttl(guardOf(gid));
    const forever = operations();
    await deliver(forever.run);
    expect(await ttl(forever.gid)).toBe(-1);
    const kept = operations();
    await deliver(kept.run, undefined, { retention: { sagas } });
    expect(await ttl(kept.gid)).toBeGreaterThan(floor - 60_000);
    expect(await ttl(kept.gid)).toBeLessThanOrEqual(floor);
    await deliver(kept.compensate, undefined, { retention: { sagas, ms: floor + 3_600_000 } });
    expect(await ttl(kept.gid)).toBeGreaterThan(floor);
    // What was to be kept for longer is not shortened by another operation.
    await deliver(kept.confirm, undefined, { retention: { sagas } });
    expect(await ttl(kept.gid)).toBeGreaterThan(floor);
    const empty = operations();
    await deliver(empty.compensate, undefined, { retention: { sagas, repairMs: 60_000 } });
    expect(await ttl(empty.gid)).toBeLessThanOrEqual(retentionFloorMs(sagas, { repairMs: 60_000 }));
    expect(await ttl(empty.gid)).toBeGreaterThan(0);
  });

  test('one below the longest delay is refused, and the floor is said', async () => {
    const { gid, run } = operations();
    for (const ms of [floor - 1, floor + 0.5, Number.NaN, 1e15]) {
      const short = deliver(run, undefined, { retention: { sagas, ms } });
      await expect(short).rejects.toMatchObject({ code: 'INVALID_OPTION', details: { floorMs: floor } });
    }
    await expect(deliver(run, undefined, { retention: { sagas: [] } })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await participant.effects(gid)).toEqual([]);
  });

  test('B22: an action whose guard is gone would run again: that is what the floor is for', async () => {
    const { gid, run } = operations();
    await deliver(run);
    await participant.redis.pexpire(guardOf(gid), 0);
    expect((await deliver(run)).kind).toBe('executed');
    expect(await participant.net(gid)).toBe(2);
  });
});

describe('as the code of a step', () => {
  const contexts = () => {
    const { gid } = operations();
    const context = { sagaId: gid, step: 'debit', input: { cents: 100 }, signal: new AbortController().signal };
    const work: RedisWork = { keys: [`${gid}:n`], commands: [['INCR', `${gid}:n`]] };
    return { gid, run: { ...context, op: 'run' as const }, compensate: { ...context, op: 'compensate' as const }, work };
  };

  test('an action gives its reply at every delivery, and its compensation returns quietly at every delivery', async () => {
    const { run, compensate, work } = contexts();
    for (let i = 0; i < 2; i++) expect(await withRedisBarrier(participant.redis, run, work)).toEqual([1]);
    for (let i = 0; i < 2; i++) expect(await withRedisBarrier(participant.redis, compensate, work)).toBeUndefined();
  });

  test('a late action fails for certain, another input is not retried, an aborted step is not begun', async () => {
    const late = contexts();
    expect(await withRedisBarrier(participant.redis, late.compensate, late.work)).toBeUndefined();
    await expect(withRedisBarrier(participant.redis, late.run, late.work)).rejects.toMatchObject({ code: 'STEP_FAILED' });
    const { gid, run, work } = contexts();
    const aborted = { ...run, signal: AbortSignal.abort(new Error('too late')) };
    await expect(withRedisBarrier(participant.redis, aborted, work)).rejects.toThrow('too late');
    expect(await participant.redis.exists(`${gid}:n`)).toBe(0);
    await withRedisBarrier(participant.redis, run, work);
    const other = withRedisBarrier(participant.redis, { ...run, input: { cents: 1 } }, work);
    await expect(other).rejects.toBeInstanceOf(BarrierMismatchError);
  });

  test('answers are lost on a cut connection: delivered again, by the client or by us, the effect is there once', async () => {
    const { gid, run, work } = contexts();
    const redis = participant.redis.duplicate({ retryStrategy: () => 1 });
    let cuts = 0;
    redis.on('error', () => undefined).on('close', () => cuts++);
    const deliver = (): Promise<unknown> =>
      withRedisBarrier(redis, run, work).catch((error: Error) => {
        if (!/closed|aborted|ECONNRESET|EPIPE/.test(error.message)) throw error;
        return deliver();
      });
    try {
      const id = await redis.client('ID');
      const deliveries = Array.from({ length: 500 }, deliver);
      await participant.redis.call('CLIENT', 'KILL', 'ID', String(id));
      for (const result of await Promise.all(deliveries)) expect(result).toEqual([1]);
      await eventually(() => expect(cuts).toBeGreaterThan(0));
    } finally {
      redis.disconnect();
    }
    expect(await participant.redis.get(`${gid}:n`)).toBe('1');
  });
});
