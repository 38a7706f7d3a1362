import { describe, expect, test } from 'vitest';
import { useErrands } from './processes/errands.ts';
import { replay } from './replay.ts';

const LIMITS = { lockMs: 1_000, stallCheckMs: 500, graceMs: 20, sweepEveryMs: 500, overdueAfterMs: 1_000 };
const STOPS = { kind: 'wait', heeds: true } as const;

describe.each(['redis', 'postgres'] as const)('a TCC whose worker dies on %s', (kind) => {
  const errands = useErrands(kind);
  const start = () => errands.bench.amends.start(errands.tcc(), { errand: 'e' });
  type Run = Awaited<ReturnType<typeof start>>;

  /** How it ended, when its journal is legal. */
  async function endOf(run: Run): Promise<string> {
    const { status } = await run.outcome({ timeoutMs: 20_000 });
    expect(replay(errands.tcc(), run.id, await run.history()).status).toBe(status);
    return status;
  }

  test('T06 in the middle of a try, before the verdict: all cancelled', async () => {
    const first = await errands.hire({ conducts: { 'try credit': STOPS } }, LIMITS);
    const run = await start();
    await first.hear('begun', 'try credit');
    await first.kill();
    await errands.work({}, LIMITS);
    expect(await endOf(run)).toBe('cancelled');
    // Nothing to give back of what was never held: the barrier keeps the cancel of credit, and bars its try.
    expect(await errands.books.effectsOf(run.id)).toEqual(['try stock', 'cancel stock']);
  });

  test('T07 in the middle of the confirms, after the verdict: all confirmed', async () => {
    const first = await errands.hire({ conducts: { 'confirm stock': STOPS, 'confirm credit': STOPS } }, LIMITS);
    const run = await start();
    await first.hear('begun', 'confirm stock');
    await first.hear('begun', 'confirm credit');
    await first.kill();
    await errands.work({}, LIMITS);
    expect(await endOf(run)).toBe('confirmed');
    const effects = await errands.books.effectsOf(run.id);
    expect(effects.slice(0, 2)).toEqual(['try stock', 'try credit']);
    expect(effects.slice(2).sort()).toEqual(['confirm credit', 'confirm stock']);
  });

  test('T08 between two confirms: each once', async () => {
    const first = await errands.hire({ conducts: { 'confirm credit': STOPS } }, LIMITS);
    const run = await start();
    await first.hear('done', 'confirm stock');
    await first.hear('begun', 'confirm credit');
    await first.kill();
    await errands.work({}, LIMITS);
    expect(await endOf(run)).toBe('confirmed');
    expect(await errands.books.effectsOf(run.id)).toEqual(['try stock', 'try credit', 'confirm stock', 'confirm credit']);
  });

  test('T03 a try stands still past its lock and goes on when all is cancelled: suppressed, nothing is held', async () => {
    const first = await errands.hire({ conducts: { 'try credit': { kind: 'wait', heeds: false } } }, LIMITS);
    const run = await start();
    await first.hear('begun', 'try credit');
    first.signal('SIGSTOP');
    await errands.work({}, LIMITS);
    expect(await endOf(run)).toBe('cancelled');
    first.goOn('try credit');
    first.signal('SIGCONT');
    // A worker that is closed lets what it has in work end.
    first.signal('SIGTERM');
    expect(await first.ended()).toBe(0);
    expect(first.heard.map(({ what, of }) => `${what} ${of}`)).not.toContain('done try credit');
    expect(await errands.books.effectsOf(run.id)).toEqual(['try stock', 'cancel stock']);
  });
});
