import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useErrands } from './processes/errands.ts';

const LIMITS = { lockMs: 1_000, stallCheckMs: 500, graceMs: 20 };

describe.each(['redis', 'postgres'] as const)('a worker that stands still on %s', (kind) => {
  const errands = useErrands(kind);

  test.each(['its event loop is blocked', 'it is stopped by SIGSTOP'] as const)(
    'S102 %s past its lock and another one takes over: the late result is refused, one effect',
    async (how) => {
      const blocked = how === 'its event loop is blocked';
      const conducts = { work: blocked ? ({ kind: 'block', forMs: 6_000 } as const) : ({ kind: 'wait', heeds: true } as const) };
      const first = await errands.hire({ conducts }, LIMITS);
      const run = await errands.bench.amends.start(errands.saga(), { errand: 'e' });
      await first.hear('begun', 'work');
      if (!blocked) first.signal('SIGSTOP');

      const second = await errands.work({ work: { kind: 'wait', heeds: true } }, LIMITS);
      await eventually(() => expect(second.heard).toContainEqual(expect.objectContaining({ what: 'begun', of: 'work', attempt: 2 })));
      expect(first.heard.map(({ what }) => what)).not.toContain('told to stop');
      if (!blocked) {
        first.goOn('work');
        first.signal('SIGCONT');
      }
      // The first one has its effect, and says so while the second is in the middle of the same.
      await eventually(async () => expect((await run.history()).map(({ event }) => event.type)).toContain('late_result'));
      await first.hear('done', 'work');
      second.finish.open();
      expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');

      const succeeded = (await run.history()).flatMap(({ event }) => (event.type === 'step_succeeded' ? [event.data] : []));
      expect(succeeded.map(({ step, attempt }) => `${step} ${attempt}`)).toEqual(['prepare 1', 'work 2', 'finish 1']);
      expect(await errands.books.effectsOf(run.id)).toEqual(['prepare', 'work', 'finish']);
    },
  );

  /** A worker that stands still in the middle of `work`, in the job of all steps, and goes on when another one has begun it again. */
  const overtaken = async (fused: 'undone' | 'retriable') => {
    const wait = { kind: 'wait', heeds: true } as const;
    const first = await errands.hire({ conducts: { work: wait, ...(fused === 'retriable' ? { finish: wait } : {}) } }, LIMITS);
    const run = await errands.bench.amends.start(errands.saga({ fused }), { errand: 'e' });
    await first.hear('begun', 'work');
    first.signal('SIGSTOP');
    const second = await errands.work({ work: wait }, LIMITS);
    await eventually(() => expect(second.heard).toContainEqual(expect.objectContaining({ what: 'begun', of: 'work', attempt: 2 })));
    first.goOn('work');
    first.signal('SIGCONT');
    await first.hear('done', 'work');
    return { first, second, run };
  };
  const toldOf = async (run: Awaited<ReturnType<typeof overtaken>>['run']): Promise<string[]> =>
    (await run.history()).flatMap(({ event: { type, data } }) =>
      type === 'step_succeeded' || type === 'attempt_lost' ? [`${type} ${data.step} ${data.attempt}`] : [],
    );

  test('S102 fused steps are gone on with by the one who has their job: the late one begins none', async () => {
    const { first, second, run } = await overtaken('undone');
    await eventually(async () => expect((await run.history()).map(({ event }) => event.type)).toContain('late_result'));
    second.finish.open();
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    const succeeded = ['step_succeeded prepare 1', 'step_succeeded work 2', 'step_succeeded finish 1'];
    expect(await toldOf(run)).toEqual([succeeded[0], 'attempt_lost work 1', ...succeeded.slice(1)]);
    expect(await errands.books.effectsOf(run.id)).toEqual(['prepare', 'work', 'finish']);
    expect(first.heard.filter(({ what, of }) => what === 'begun' && of === 'finish')).toEqual([]);
  });

  test('S102 the late one may go on where nothing is undone: the other does not take the next one for never begun', async () => {
    const { first, second, run } = await overtaken('retriable');
    await first.hear('begun', 'finish');
    first.signal('SIGSTOP'); // or it might be the one who gets the job again
    second.finish.open();
    expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    const told = ['prepare 1', 'work 1', 'finish 2'].map((one) => `step_succeeded ${one}`);
    expect(await toldOf(run)).toEqual([told[0], 'attempt_lost work 1', told[1], 'attempt_lost finish 1', told[2]]);
    first.goOn('finish');
    first.signal('SIGCONT');
    await first.hear('done', 'finish');
    expect(await errands.books.effectsOf(run.id)).toEqual(['prepare', 'work', 'finish']);
  });
});
