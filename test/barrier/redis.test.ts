import { describe, expect, test } from 'vitest';
import { useRedisParticipant } from './redis-fixture.ts';

const participant = useRedisParticipant();
const { operations, deliver } = {
  operations: () => participant.operations(),
  deliver: participant.deliver.bind(participant),
};

function kinds(outcomes: readonly { readonly kind: string }[]): string[] {
  return outcomes.map(({ kind }) => kind).sort();
}

test('B1 B2: an action runs once, and a duplicate gets what it gave then', async () => {
  const { gid, run } = operations();
  const result = ['run', 1, null];
  expect(await deliver(run)).toEqual({ kind: 'executed', result });
  expect(await deliver(run)).toEqual({ kind: 'duplicate', result });
  expect(await participant.effects(gid)).toEqual(['run']);
});

test('B3: the same operation with another input is told apart; the order of its keys is not another input', async () => {
  const { gid, run } = operations();
  await deliver({ ...run, input: { cents: 100, to: 'a' } });
  expect(await deliver({ ...run, input: { cents: 999, to: 'a' } })).toEqual({ kind: 'mismatch' });
  expect((await deliver({ ...run, input: { to: 'a', cents: 100 } })).kind).toBe('duplicate');
  expect((await deliver({ ...run, input: undefined })).kind).toBe('duplicate');
  expect(await participant.net(gid)).toBe(1);
});

test.each([2, 10, 100])('B4 B5: %i deliveries at once run it once', async (count) => {
  const { gid, run } = operations();
  const outcomes = await Promise.all(Array.from({ length: count }, () => deliver(run)));
  expect(kinds(outcomes)).toEqual([...Array.from({ length: count - 1 }, () => 'duplicate'), 'executed']);
  for (const outcome of outcomes) expect(outcome).toMatchObject({ result: ['run', 1, null] });
  expect(await participant.net(gid)).toBe(1);
});

test('B6 B7: an undo alone does nothing, and a late action is refused however often it comes', async () => {
  const { gid, run, compensate } = operations();
  expect(await deliver(compensate)).toEqual({ kind: 'empty' });
  for (let i = 0; i < 3; i++) expect(await deliver(run)).toEqual({ kind: 'suppressed' });
  expect((await deliver(compensate)).kind).toBe('duplicate');
  expect(await participant.effects(gid)).toEqual([]);
});

test('B8: an undo gets what the action gave, and runs once', async () => {
  const { gid, run, compensate } = operations();
  await deliver(run);
  expect(await deliver(compensate)).toEqual({ kind: 'executed', result: ['compensate', -1, 'run'] });
  expect((await deliver(compensate)).kind).toBe('duplicate');
  expect((await deliver(run)).kind).toBe('duplicate');
  expect(await participant.effects(gid)).toEqual(['run', 'compensate']);
});

test('B11 B12: an action that raised an error leaves nothing behind: it runs at the next delivery, or its undo is empty', async () => {
  const { gid, run } = operations();
  const failing = { keys: [`${gid}:effects`], script: `redis.call('LLEN', KEYS[1]); error('out of luck')` };
  for (let i = 0; i < 2; i++) await expect(deliver(run, failing)).rejects.toThrow('out of luck');
  expect((await participant.keys()).filter((key) => key.includes(gid))).toEqual([]);
  expect((await deliver(run)).kind).toBe('executed');
  const other = operations();
  await expect(deliver(other.run, failing)).rejects.toThrow('out of luck');
  expect((await deliver(other.compensate)).kind).toBe('empty');
  expect(await participant.effects(other.gid)).toEqual([]);
});

test('B14 B16: an action and two undos at once come to nothing, whoever is first', async () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100; i++) {
    const { gid, run, compensate } = operations();
    const deliveries = [run, compensate, compensate];
    const order = [0, 1, 2].map((place) => (place + i) % 3);
    const outcomes = await Promise.all(order.map(async (place) => ({ place, kind: (await deliver(deliveries[place]!)).kind })));
    const kindOf = (place: number) => outcomes.find((outcome) => outcome.place === place)!.kind;
    seen.add(kindOf(0));
    expect([kindOf(0), ...[kindOf(1), kindOf(2)].sort()]).toEqual(
      kindOf(0) === 'executed' ? ['executed', 'duplicate', 'executed'] : ['suppressed', 'duplicate', 'empty'],
    );
    expect(await participant.net(gid)).toBe(0);
  }
  expect([...seen].sort()).toEqual(['executed', 'suppressed']);
});

test('a try is given back once, a late one is refused, and a confirm is its own operation', async () => {
  const empty = operations();
  expect([(await deliver(empty.cancel)).kind, (await deliver(empty.try)).kind]).toEqual(['empty', 'suppressed']);
  const held = operations();
  const outcomes = [await deliver(held.try), await deliver(held.confirm), await deliver(held.confirm), await deliver(held.cancel)];
  expect(outcomes.map(({ kind }) => kind)).toEqual(['executed', 'executed', 'duplicate', 'executed']);
});

test('B20: two barriers in one branch are independent, and a retry skips the one that was done', async () => {
  const { gid, run, compensate } = operations();
  const second = { ...run, barrierId: '02' };
  expect((await deliver(run)).kind).toBe('executed');
  await expect(deliver(second, { keys: [], script: `error('half way')` })).rejects.toThrow('half way');
  expect([(await deliver(run)).kind, (await deliver(second)).kind]).toEqual(['duplicate', 'executed']);
  expect((await deliver({ ...compensate, barrierId: '02' })).kind).toBe('executed');
  expect((await deliver(compensate)).kind).toBe('executed');
  expect(await participant.net(gid)).toBe(0);
});

test('B21: ids that differ in case, scope or branch are different operations, also long ones and ones full of punctuation', async () => {
  const { gid, run } = operations();
  const long = 'x'.repeat(200);
  const variants = [
    run,
    { ...run, gid: gid.toUpperCase() },
    { ...run, scope: 'b' },
    { ...run, branchId: 'Debit' },
    { ...run, branchId: '{debit}:01' },
    { ...run, branchId: 'debit:01', barrierId: '01:01' },
    { ...run, branchId: 'debit', barrierId: '01:01:01' },
    { ...run, branchId: `${long}a` },
    { ...run, branchId: `${long}é` },
  ];
  for (const call of variants) expect((await deliver(call)).kind).toBe('executed');
  for (const call of variants) expect((await deliver(call)).kind).toBe('duplicate');
});

test('a done action whose business precondition no longer holds is a duplicate, not a failure', async () => {
  const { gid, run } = operations();
  const spend = {
    keys: [`${gid}:stock`],
    args: [3],
    script: `
      if tonumber(redis.call('GET', KEYS[1])) < tonumber(ARGV[1]) then return redis.error_reply('REFUSED out of stock') end
      return redis.call('DECRBY', KEYS[1], ARGV[1])`,
  };
  await participant.redis.set(`${gid}:stock`, 5);
  expect(await deliver(run, spend)).toEqual({ kind: 'executed', result: 2 });
  expect(await deliver(run, spend)).toEqual({ kind: 'duplicate', result: 2 });
  await expect(deliver({ ...run, branchId: 'other' }, spend)).rejects.toMatchObject({ code: 'STEP_FAILED', message: 'out of stock' });
  expect(await participant.redis.get(`${gid}:stock`)).toBe('2');
});

const RACES = 300;

test(`${RACES} races: no effect twice, none after its undo, and the outcomes say what happened`, async () => {
  const seen = new Set<string>();
  for (let i = 0; i < RACES; i++) {
    const { gid, ...calls } = operations();
    const deliveries = Array.from({ length: 2 + (i % 5) }, async (_, n) => {
      const op = (i * 7 + n * 3) % 5 < 3 ? 'run' : 'compensate';
      const throws = (i + n) % 4 === 0;
      const work = throws ? { keys: [], script: `error('on purpose')` } : participant.effect(calls[op]);
      const outcome = await deliver(calls[op], work).catch((error: Error) => {
        if (!error.message.includes('on purpose')) throw error;
        return { kind: 'threw' };
      });
      return `${op} ${outcome.kind}`;
    });
    const outcomes = await Promise.all(deliveries);
    for (const outcome of outcomes) seen.add(outcome);
    const count = (outcome: string) => outcomes.filter((one) => one === outcome).length;
    const effects = await participant.effects(gid);
    expect(['', 'run', 'run,compensate']).toContain(effects.join());
    expect(count('run executed')).toBe(effects.includes('run') ? 1 : 0);
    expect(count('compensate executed')).toBe(effects.includes('compensate') ? 1 : 0);
    expect(effects.length > 0 && count('compensate empty') + count('run suppressed') > 0).toBe(false);
    // Whatever happened: one more undo brings it to nothing, and no action gets through any more.
    await deliver(calls.compensate);
    expect((await deliver(calls.run)).kind).not.toBe('executed');
    expect(await participant.net(gid)).toBe(0);
  }
  const all = ['run executed', 'run duplicate', 'run threw', 'run suppressed', 'compensate executed', 'compensate duplicate'];
  expect([...seen].sort()).toEqual([...all, 'compensate threw', 'compensate empty'].sort());
});

describe('a list of commands', () => {
  test('is carried out once, and its replies are the result', async () => {
    const { gid, run } = operations();
    const work = {
      keys: [`${gid}:n`, `${gid}:log`],
      commands: [
        ['INCRBY', `${gid}:n`, 5],
        ['GET', `${gid}:none`],
        ['RPUSH', `${gid}:log`, `it's "é" \\ ]] --`],
        ['LRANGE', `${gid}:log`, 0, -1],
        ['SET', `${gid}:n`, '7'],
      ],
    };
    const result = [5, null, 1, [`it's "é" \\ ]] --`], 'OK'];
    expect(await deliver(run, work)).toEqual({ kind: 'executed', result });
    expect(await deliver(run, work)).toEqual({ kind: 'duplicate', result });
    expect(await participant.redis.get(`${gid}:n`)).toBe('7');
  });
});
