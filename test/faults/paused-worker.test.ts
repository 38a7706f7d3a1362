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
});
