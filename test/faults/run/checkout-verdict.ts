import type { JournaledEvent } from '../../../src/journal/journal.ts';
import type { State } from '../../../src/machine/state.ts';
import { replay } from '../replay.ts';
import type { Effect } from './books.ts';
import { checkoutTcc } from './checkouts.ts';

/** What is wrong with one TCC, in words. */
export function judgeCheckout(id: string, journaled: readonly JournaledEvent[], effects: readonly Effect[]): readonly string[] {
  let state: State;
  try {
    state = replay(checkoutTcc, id, journaled);
  } catch (error) {
    return [(error as Error).message];
  }
  const problems: string[] = [];
  const seqs = (step: string, op: Effect['op']): readonly number[] =>
    effects.filter((effect) => effect.step === step && effect.op === op).map(({ seq }) => seq);
  const all = Object.keys(checkoutTcc.plan.steps);
  const has = (op: Effect['op']): boolean => effects.some((effect) => effect.op === op);
  if (has('confirm') && has('cancel')) problems.push(`${id}: neverBothConfirmedAndCancelled: it is both`);
  const verdicts = journaled.filter(({ event }) => event.type === 'verdict_reached' || event.type === 'saga_turned');
  if (verdicts.length !== 1) problems.push(`${id}: it has ${verdicts.length} verdicts`);
  for (const step of all) {
    const [tried, confirmed, cancelled] = [seqs(step, 'try'), seqs(step, 'confirm'), seqs(step, 'cancel')];
    for (const [op, times] of Object.entries({ tried, confirmed, cancelled })) {
      if (times.length > 1) problems.push(`${id}: ${step} was ${op} ${times.length} times`);
    }
    const [at, confirmedAt, cancelledAt] = [tried[0] ?? Infinity, confirmed[0] ?? Infinity, cancelled[0] ?? Infinity];
    if (confirmedAt < Infinity && all.some((other) => (seqs(other, 'try')[0] ?? Infinity) > confirmedAt))
      problems.push(`${id}: ${step} was confirmed before everything was held`);
    if (cancelledAt < at && at < Infinity) problems.push(`${id}: ${step} was tried after its cancel`);
    if (state.status === 'confirmed' && (at === Infinity || confirmedAt === Infinity))
      problems.push(`${id}: confirmed, and ${step} is not`);
    if (state.status === 'cancelled' && at < Infinity !== cancelledAt < Infinity) {
      problems.push(`${id}: cancelled, and ${step} is ${at < Infinity ? 'still held' : 'given back without having been held'}`);
    }
  }
  if (state.turn?.kind === 'deadline') problems.push(`${id}: cancelled by a deadline that is an hour away`);
  return problems;
}
