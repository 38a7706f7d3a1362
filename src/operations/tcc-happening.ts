import type { AttemptFacts, TransactionEvent } from '../machine/event.ts';
import { timestamp } from './duration.ts';
import { byHandText, errorText, turnText, type Happening } from './happening-text.ts';
import { printable } from './printable.ts';

/** An event of a TCC in its own words; `undefined`: it reads the same as in a saga. */
export function tccHappeningOf(event: TransactionEvent, by: (facts: Partial<AttemptFacts>) => string): Happening | undefined {
  switch (event.type) {
    case 'step_issued': {
      const { step, hold } = event.data;
      const until = hold === undefined ? '' : `, to be held until ${timestamp(hold.expiresAtMs)}`;
      return { lane: 'forward', mark: '·', tone: 'quiet', step, text: `queued to be tried${until}` };
    }
    case 'step_succeeded':
      return { lane: 'forward', mark: '✔', tone: 'good', step: event.data.step, text: `held${by(event.data)}` };
    case 'step_failed': {
      const { step, error, outcome } = event.data;
      const effect = outcome === 'unknown' ? 'whether it is held is unknown' : 'nothing is held';
      return { lane: 'forward', mark: '✖', tone: 'bad', step, text: `try failed, ${effect}${by(event.data)}: ${errorText(error)}` };
    }
    case 'step_withdrawn':
      return { lane: 'forward', mark: '○', tone: 'quiet', step: event.data.step, text: 'taken back before it was tried' };
    case 'attempt_lost': {
      if (event.data.op !== 'run') return undefined;
      const { step, attempt, jobLost } = event.data;
      const what = jobLost === true ? 'its job was gone' : `attempt ${attempt} was lost with its worker`;
      return { lane: 'forward', mark: '?', tone: 'bad', step, text: `${what}: without a verdict all is cancelled` };
    }
    case 'hold_renewed': {
      const { step, expiresAtMs } = event.data;
      return { lane: 'forward', mark: '·', tone: 'quiet', step, text: `renewed, held until ${timestamp(expiresAtMs)}` };
    }
    case 'tcc_held':
      return { lane: 'forward', mark: '◷', tone: 'plain', text: 'everything is held: waits for its verdict' };
    case 'verdict_reached':
      return { lane: 'forward', mark: '✔', tone: 'good', text: 'verdict: confirm' };
    case 'saga_turned':
      return { lane: 'forward', mark: '↩', tone: 'undo', text: `verdict: cancel: ${turnText(event.data.turn)}` };
    case 'confirm_issued':
      return { lane: 'forward', mark: '·', tone: 'quiet', step: event.data.step, text: 'queued to be confirmed' };
    case 'confirm_succeeded':
      return { lane: 'forward', mark: '✔', tone: 'good', step: event.data.step, text: `confirmed${by(event.data)}` };
    case 'confirm_stuck': {
      const { step, error } = event.data;
      return { lane: 'forward', mark: '!', tone: 'bad', step, text: `stuck, it can't be confirmed${by(event.data)}: ${errorText(error)}` };
    }
    case 'confirm_skipped': {
      const { step, by: operator, reason } = event.data;
      const text = `its confirm was given up by ${printable(operator)}: ${printable(reason)}`;
      return { lane: 'forward', mark: '■', tone: 'bad', step, text };
    }
    case 'compensation_issued':
      return { lane: 'undo', mark: '·', tone: 'quiet', step: event.data.step, text: 'queued to be cancelled' };
    case 'compensation_succeeded': {
      const { step, byHand } = event.data;
      return {
        lane: 'undo',
        mark: '↩',
        tone: 'undo',
        step,
        text: byHand === undefined ? `cancelled${by(event.data)}` : byHandText('cancelled', byHand),
      };
    }
    case 'compensation_stuck': {
      const { step, error } = event.data;
      return { lane: 'undo', mark: '!', tone: 'bad', step, text: `stuck, it can't be cancelled${by(event.data)}: ${errorText(error)}` };
    }
    case 'compensation_skipped': {
      const { step, by: operator, reason } = event.data;
      return {
        lane: 'undo',
        mark: '■',
        tone: 'bad',
        step,
        text: `its cancel was given up by ${printable(operator)}: ${printable(reason)}`,
      };
    }
    case 'tcc_confirmed': {
      const { outputError } = event.data;
      const failed = outputError === undefined ? '' : `, but .returns() failed: ${errorText(outputError)}`;
      return { lane: 'forward', mark: '✔', tone: outputError === undefined ? 'good' : 'bad', text: `confirmed${failed}` };
    }
    case 'tcc_cancelled':
      return { lane: 'undo', mark: '↩', tone: 'undo', text: 'cancelled: nothing is held any more' };
    default:
      return undefined;
  }
}
