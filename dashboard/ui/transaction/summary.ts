import type { Transaction } from '../../api/transaction.ts';
import type { Unserved } from '../timeline/outcomes.ts';
import { counted, doingWord, listed, operationWord } from '../parts/words.ts';

type Step = Transaction['steps'][number];

/** Why it turned back. */
export function turnText({ turn, kind }: Transaction): string | undefined {
  if (turn === null) return undefined;
  if (turn.kind === 'step_failed') return `${turn.step} failed: ${turn.error.message}`;
  if (turn.kind === 'cancelled') return `${turn.by} cancelled it: ${turn.reason}`;
  return `its deadline passed before ${kind === 'tcc' ? 'everything was held' : 'its pivot'}`;
}

export function stuckSteps({ steps }: Transaction): readonly Step[] {
  return steps.filter(({ stuckIn }) => stuckIn !== null);
}

function underWay({ steps }: Transaction): readonly Step[] {
  return steps.filter(({ status }) => ['issued', 'trying', 'compensating', 'cancelling', 'confirming'].includes(status));
}

function runningText(transaction: Transaction, unserved: Unserved): string {
  const open = underWay(transaction).map(({ name }) => name);
  if (open.length === 0) return 'It goes on with its next step.';
  const alone = open.filter((name) => unserved.has(name));
  if (alone.length > 0) return `Nobody works at ${listed(alone)}: no worker takes its jobs.`;
  const running = new Set(
    transaction.attempts.flatMap(({ step, startedAtMs, endedAtMs }) => (startedAtMs !== null && endedAtMs === null ? [step] : [])),
  );
  const names = listed(open.slice(0, 3)) + (open.length > 3 ? ` and ${open.length - 3} more` : '');
  return `${names} ${open.length === 1 ? 'is' : 'are'} ${open.every((name) => running.has(name)) ? 'running' : 'queued or running'}.`;
}

function waitingText(transaction: Transaction): string {
  if (transaction.awaitsVerdict && transaction.verdict === null) return 'Everything is held. It waits to be told whether to confirm.';
  const open = underWay(transaction);
  const waits = open
    .filter(({ wait }) => wait !== null)
    .map(({ name, wait }) => (wait?.kind === 'timer' ? `the timer ${name}` : `the signal ${name}`));
  if (waits.length > 0) return `It waits for ${listed(waits)}.`;
  const backingOff = open.filter(({ retryAtMs }) => retryAtMs !== null).map(({ name }) => name);
  return backingOff.length > 0 ? `${listed(backingOff)} failed and will be tried again.` : 'It waits.';
}

function leftText({ notCompensated }: Transaction): string {
  return notCompensated.length === 0 ? 'Nothing was left behind.' : `Left behind: ${listed(notCompensated)}.`;
}

/** The outcome in words: what somebody would say who is asked what happened. */
export function summaryText(transaction: Transaction, unserved: Unserved): string {
  const { status, kind, steps, paused, termination } = transaction;
  const because = turnText(transaction);
  const done = steps.filter((step) => ['succeeded', 'confirmed'].includes(step.status)).length;
  switch (status) {
    case 'running':
      return runningText(transaction, unserved);
    case 'waiting':
      return waitingText(transaction);
    case 'paused':
      return `${paused?.by ?? 'Somebody'} paused it${paused?.reason == null ? '' : `: ${paused.reason}`}.`;
    case 'completed':
      if (done < steps.length) return `${done} of ${counted(steps.length, 'step')} succeeded, the others were skipped.`;
      return `All ${counted(done, 'step')} succeeded.`;
    case 'compensating':
      return `It is being undone, because ${because ?? 'it was turned back'}.`;
    case 'compensated':
      return `Everything it did was undone, because ${because ?? 'it was turned back'}.`;
    case 'confirming':
      return 'Everything was held. It is being confirmed, and nothing can turn it back.';
    case 'confirmed':
      return `${counted(done, 'reservation')} held and confirmed.`;
    case 'cancelling':
      return `Its holds are being cancelled, because ${because ?? 'it was cancelled'}.`;
    case 'cancelled':
      return `Every hold was cancelled, because ${because ?? 'it was cancelled'}.`;
    case 'terminated':
      return `${termination?.by ?? 'An operator'} ended it${termination === null ? '' : `: ${termination.reason}`}. ${leftText(transaction)}`;
    case 'stuck': {
      const stuck = stuckSteps(transaction).map(({ name, stuckIn }) => `${doingWord(kind, stuckIn!).toLowerCase()} ${name}`);
      return stuck.length === 0 ? 'It can’t go on by itself.' : `It can’t go on by itself: ${listed(stuck)} does not succeed.`;
    }
  }
}

/** `undo of charge_card`. */
export function operationText(kind: Transaction['kind'], step: string, op: 'run' | 'compensate' | 'confirm'): string {
  return op === 'run' && kind === 'saga' ? step : `${operationWord(kind, op)} of ${step}`;
}
