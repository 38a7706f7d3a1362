import { describe, expect, test } from 'vitest';
import { BarrierInProgressError, type BarrierCall, type BarrierOptions } from '../../src/barrier/index.ts';
import { DATABASES } from './databases.ts';
import { effect, held, LEVELS, operations, use, type Work } from './fixture.ts';

function kinds(outcomes: readonly { readonly kind: string }[]): string[] {
  return outcomes.map(({ kind }) => kind).sort();
}

const PLACES = DATABASES.flatMap(([name, Database]) => LEVELS.map((level) => [name, level, Database] as const));

describe.each(PLACES)('%s, %s', (_name, level, Database) => {
  const participant = use(new Database());
  const deliver = (call: BarrierCall, work?: Work, options?: BarrierOptions) => participant.deliver(call, level, work, options);

  test('B1 B2: an action runs once, and a duplicate gets what it gave then', async () => {
    const { gid, run } = operations();
    const result = { ref: `run of ${gid}` };
    expect(await deliver(run)).toEqual({ kind: 'executed', result });
    expect(await deliver(run)).toEqual({ kind: 'duplicate', result });
    expect(await participant.effects(gid)).toEqual([{ op: 'run', delta: 1 }]);
  });

  test('B3: the same operation with another input is told apart; the order of its keys is not another input', async () => {
    const { gid, run } = operations();
    await deliver({ ...run, input: { cents: 100, to: 'a' } });
    expect(await deliver({ ...run, input: { cents: 999, to: 'a' } })).toEqual({ kind: 'mismatch' });
    expect((await deliver({ ...run, input: { to: 'a', cents: 100 } })).kind).toBe('duplicate');
    expect((await deliver({ ...run, input: undefined })).kind).toBe('duplicate');
    expect(await participant.net(gid)).toBe(1);
  });

  test.each([2, 10])('B4 B5: %i deliveries at once run it once', async (count) => {
    const { gid, run } = operations();
    const outcomes = await Promise.all(Array.from({ length: count }, () => deliver(run)));
    expect(kinds(outcomes)).toEqual([...Array.from({ length: count - 1 }, () => 'duplicate'), 'executed']);
    for (const outcome of outcomes) expect(outcome).toMatchObject({ result: { ref: `run of ${gid}` } });
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
    let undone: unknown;
    const undo = await deliver(compensate, async (client, prior) => {
      undone = prior;
      return effect(compensate)(client, prior);
    });
    expect(undo.kind).toBe('executed');
    expect(undone).toEqual({ ref: `run of ${gid}` });
    expect((await deliver(compensate)).kind).toBe('duplicate');
    expect((await deliver(run)).kind).toBe('duplicate');
    expect(await participant.effects(gid)).toEqual([
      { op: 'run', delta: 1 },
      { op: 'compensate', delta: -1 },
    ]);
  });

  test('B9: an undo that comes while its action commits waits for it and undoes it', async () => {
    const { gid, run, compensate } = operations();
    const action = held(effect(run));
    const running = deliver(run, action.work);
    await action.reached;
    const undoing = deliver(compensate);
    await participant.waiting();
    action.go();
    expect([(await running).kind, (await undoing).kind]).toEqual(['executed', 'executed']);
    expect((await participant.effects(gid)).map(({ op }) => op)).toEqual(['run', 'compensate']);
  });

  test('B10: an undo that comes while its action rolls back is empty', async () => {
    const { gid, run, compensate } = operations();
    const action = held(effect(run));
    const running = deliver(run, action.work);
    const refused = running.catch((error: unknown) => error);
    await action.reached;
    const undoing = deliver(compensate);
    await participant.waiting();
    action.fail(new Error('no money'));
    expect(await refused).toMatchObject({ message: 'no money' });
    expect((await undoing).kind).toBe('empty');
    expect((await deliver(run)).kind).toBe('suppressed');
    expect(await participant.effects(gid)).toEqual([]);
  });

  test('B11: an action that threw leaves nothing behind and runs at the next delivery', async () => {
    const { gid, run } = operations();
    const failing = deliver(run, async (client, undone) => {
      await effect(run)(client, undone);
      throw new Error('out of luck');
    });
    await expect(failing).rejects.toThrow('out of luck');
    expect(await participant.effects(gid)).toEqual([]);
    expect((await deliver(run)).kind).toBe('executed');
    expect(await participant.net(gid)).toBe(1);
  });

  test('B12: the undo of an action that threw is empty', async () => {
    const { gid, run, compensate } = operations();
    await expect(deliver(run, () => Promise.reject(new Error('out of luck')))).rejects.toThrow('out of luck');
    expect((await deliver(compensate)).kind).toBe('empty');
    expect(await participant.effects(gid)).toEqual([]);
  });

  test('B13: a delivery that waits beyond the lock timeout is told to come again', async () => {
    const { gid, run, compensate } = operations();
    const action = held(effect(run));
    const running = deliver(run, action.work);
    await action.reached;
    for (const call of [run, compensate]) {
      const refusal: unknown = await deliver(call, undefined, { lockTimeoutMs: 50 }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(BarrierInProgressError);
      expect(refusal).toMatchObject({ code: 'BARRIER_IN_PROGRESS', retryable: true });
    }
    action.go();
    expect((await running).kind).toBe('executed');
    expect((await deliver(run)).kind).toBe('duplicate');
    expect(await participant.net(gid)).toBe(1);
  });

  test('B14: an action and two undos at once come to nothing', async () => {
    for (let i = 0; i < 5; i++) {
      const { gid, run, compensate } = operations();
      const [action, ...undos] = await Promise.all([deliver(run), deliver(compensate), deliver(compensate)]);
      expect(await participant.net(gid)).toBe(0);
      expect([action.kind, ...kinds(undos)]).toEqual(
        action.kind === 'executed' ? ['executed', 'duplicate', 'executed'] : ['suppressed', 'duplicate', 'empty'],
      );
    }
  });

  test('B20: two barriers in one branch are independent, and a retry skips the one that was committed', async () => {
    const { gid, run, compensate } = operations();
    const second = { ...run, barrierId: '02' };
    expect((await deliver(run)).kind).toBe('executed');
    await expect(deliver(second, () => Promise.reject(new Error('half way')))).rejects.toThrow('half way');
    expect([(await deliver(run)).kind, (await deliver(second)).kind]).toEqual(['duplicate', 'executed']);
    expect((await deliver({ ...compensate, barrierId: '02' })).kind).toBe('executed');
    expect((await deliver(compensate)).kind).toBe('executed');
    expect(await participant.net(gid)).toBe(0);
  });

  test('a done action whose precondition no longer holds is a duplicate, not a failure', async () => {
    const { gid, run } = operations();
    const spend = async (): Promise<unknown> => {
      if ((await participant.net(gid)) > 0) throw new Error('the balance is spent');
      return 'spent';
    };
    const first = await deliver(run, async (client, undone) => {
      await effect(run)(client, undone);
      return spend();
    });
    expect(first).toEqual({ kind: 'executed', result: 'spent' });
    expect(await deliver(run, spend)).toEqual({ kind: 'duplicate', result: 'spent' });
  });

  test('a late try is refused after its cancel, and a cancel gives back a try once', async () => {
    const empty = operations();
    expect((await deliver(empty.cancel)).kind).toBe('empty');
    expect((await deliver(empty.try)).kind).toBe('suppressed');
    const reserved = operations();
    const outcomes = [await deliver(reserved.try), await deliver(reserved.cancel), await deliver(reserved.cancel)];
    expect(outcomes.map(({ kind }) => kind)).toEqual(['executed', 'executed', 'duplicate']);
    expect(await participant.net(reserved.gid)).toBe(0);
  });
});
