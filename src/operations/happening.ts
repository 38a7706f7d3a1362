import type { AttemptFacts, TransactionEvent } from '../machine/event.ts';
import type { JournaledEvent } from '../journal/journal.ts';
import type { Operation } from '../machine/state.ts';
import { duration, timestamp } from './duration.ts';
import { byHandText, errorText, turnText, type Happening } from './happening-text.ts';
import { printable } from './printable.ts';
import { tccHappeningOf } from './tcc-happening.ts';

function laneOf(op: Operation): Happening['lane'] {
  return op === 'compensate' ? 'undo' : 'forward';
}

/** `attempt 2, 14 ms in work, by host:4711:ab12`. An event that came of no attempt has no facts. */
function attemptText(atMs: number, { attempt, worker, startedAtMs }: Partial<AttemptFacts>): string {
  const parts = [
    attempt === undefined ? [] : [`attempt ${attempt}`],
    startedAtMs === undefined ? [] : [`${duration(atMs - startedAtMs)} in work`],
    worker === undefined ? [] : [`by ${printable(worker)}`],
  ].flat();
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

/** What an event says and what it led to. */
export function happeningOf({ event, atMs }: Pick<JournaledEvent, 'event' | 'atMs'>, kind: 'saga' | 'tcc' = 'saga'): Happening {
  const by = (facts: Partial<AttemptFacts>): string => attemptText(atMs, facts);
  return (kind === 'tcc' ? tccHappeningOf(event, by) : undefined) ?? describe(event, by);
}

function describe(event: TransactionEvent, by: (facts: Partial<AttemptFacts>) => string): Happening {
  switch (event.type) {
    case 'saga_started':
      return { lane: 'forward', mark: '▶', tone: 'plain', text: 'started' };
    case 'step_issued': {
      const { step, wait } = event.data;
      const until = wait?.untilMs == null ? '' : `, until ${timestamp(wait.untilMs)} at the latest`;
      return { lane: 'forward', mark: '·', tone: 'quiet', step, text: wait === undefined ? 'queued' : `waits${until}` };
    }
    case 'signal_received': {
      const { signal, by: sender } = event.data;
      return { lane: 'forward', mark: '▶', tone: 'plain', step: signal, text: `signal received from ${printable(sender)}` };
    }
    case 'wait_ended': {
      const { step, by: cause } = event.data;
      if (cause === 'timeout') return { lane: 'forward', mark: '○', tone: 'quiet', step, text: 'no signal came in time: goes on without' };
      return { lane: 'forward', mark: '✔', tone: 'good', step, text: cause === 'timer' ? 'the pause is over' : 'has its signal' };
    }
    case 'step_skipped':
      return { lane: 'forward', mark: '○', tone: 'quiet', step: event.data.step, text: 'skipped: its condition says no' };
    case 'attempt_started': {
      const { step, op, attempt, worker } = event.data;
      return { lane: laneOf(op), mark: '·', tone: 'quiet', step, text: `attempt ${attempt} begins, by ${printable(worker)}` };
    }
    case 'attempt_lost': {
      const { step, op, attempt, jobLost } = event.data;
      const what = jobLost === true ? 'its job was gone' : `attempt ${attempt} was lost with its worker`;
      const text = `${what}: whether it had an effect is unknown, so it is delivered again`;
      return { lane: laneOf(op), mark: '?', tone: 'bad', step, text };
    }
    case 'attempt_failed': {
      const { step, op, error, outcome, retryInMs } = event.data;
      const effect = outcome === 'unknown' ? 'effect unknown' : 'no effect';
      const text = `attempt failed, ${effect}${by(event.data)}: ${errorText(error)}; will be retried in ${duration(retryInMs)}`;
      return { lane: laneOf(op), mark: '✖', tone: 'bad', step, text };
    }
    case 'step_succeeded': {
      const how = event.data.verified === true ? 'found to have succeeded' : 'succeeded';
      return { lane: 'forward', mark: '✔', tone: 'good', step: event.data.step, text: `${how}${by(event.data)}` };
    }
    case 'step_failed': {
      const { step, error, outcome } = event.data;
      const effect = outcome === 'unknown' ? 'whether it had an effect is unknown' : 'it had no effect';
      return { lane: 'forward', mark: '✖', tone: 'bad', step, text: `failed, ${effect}${by(event.data)}: ${errorText(error)}` };
    }
    case 'step_withdrawn':
      return { lane: 'forward', mark: '○', tone: 'quiet', step: event.data.step, text: 'taken back before it ran' };
    case 'step_stuck': {
      const { step, error, unbound } = event.data;
      const what = unbound === true ? 'its input could not be made' : 'nobody knows whether it happened';
      return { lane: 'forward', mark: '!', tone: 'bad', step, text: `stuck, ${what}${by(event.data)}: ${errorText(error)}` };
    }
    case 'step_overdue': {
      const { step, attempts } = event.data;
      return { lane: 'forward', mark: '!', tone: 'bad', step, text: `has failed ${attempts} times and is retried on: someone should look` };
    }
    case 'turn_requested': {
      const text = `to turn back if the pivot in flight fails: ${turnText(event.data.turn)}`;
      return { lane: 'forward', mark: '↩', tone: 'undo', text };
    }
    case 'saga_turned':
      return { lane: 'forward', mark: '↩', tone: 'undo', text: `turned back: ${turnText(event.data.turn)}` };
    case 'compensation_issued':
      return { lane: 'undo', mark: '·', tone: 'quiet', step: event.data.step, text: 'queued to be undone' };
    case 'compensation_succeeded': {
      const { step, byHand } = event.data;
      return {
        lane: 'undo',
        mark: '↩',
        tone: 'undo',
        step,
        text: byHand === undefined ? `undone${by(event.data)}` : byHandText('undone', byHand),
      };
    }
    case 'compensation_stuck': {
      const { step, error } = event.data;
      return { lane: 'undo', mark: '!', tone: 'bad', step, text: `stuck, it can't be undone${by(event.data)}: ${errorText(error)}` };
    }
    case 'retry_requested': {
      const { step, op, by: operator, reason } = event.data;
      const why = reason === undefined ? '' : `: ${printable(reason)}`;
      return { lane: laneOf(op), mark: '▶', tone: 'plain', step, text: `to be tried again, asked by ${printable(operator)}${why}` };
    }
    case 'saga_paused': {
      const why = event.data.reason === undefined ? '' : `: ${printable(event.data.reason)}`;
      return { lane: 'forward', mark: '‖', tone: 'quiet', text: `paused by ${printable(event.data.by)}${why}` };
    }
    case 'saga_resumed':
      return { lane: 'forward', mark: '▶', tone: 'plain', text: `resumed by ${printable(event.data.by)}` };
    case 'compensation_skipped': {
      const { step, by: operator, reason } = event.data;
      return { lane: 'undo', mark: '■', tone: 'bad', step, text: `its undo was given up by ${printable(operator)}: ${printable(reason)}` };
    }
    case 'saga_terminated': {
      const { by: operator, reason } = event.data;
      return { lane: 'forward', mark: '■', tone: 'bad', text: `terminated by ${printable(operator)}: ${printable(reason)}` };
    }
    case 'late_result': {
      const { step, op, succeeded, error } = event.data;
      const what = succeeded ? 'a success' : `a failure${error === undefined ? '' : ` (${errorText(error)})`}`;
      const text = `answered with ${what} after it was settled: recorded, never used${by(event.data)}`;
      return { lane: laneOf(op), mark: '?', tone: 'quiet', step, text };
    }
    case 'saga_completed': {
      const { outputError } = event.data;
      const failed = outputError === undefined ? '' : `, but .returns() failed: ${errorText(outputError)}`;
      return { lane: 'forward', mark: '✔', tone: outputError === undefined ? 'good' : 'bad', text: `completed${failed}` };
    }
    case 'verdict_reached':
    case 'confirm_issued':
    case 'confirm_succeeded':
    case 'confirm_stuck':
    case 'confirm_skipped':
    case 'hold_renewed':
    case 'tcc_held':
    case 'tcc_confirmed':
    case 'tcc_cancelled':
      throw new Error(`${event.type} is no event of a saga`);
    case 'saga_compensated':
      return { lane: 'undo', mark: '↩', tone: 'undo', text: 'compensated: nothing is left behind' };
  }
}
