import type { Logger } from 'pino';
import type { TransactionEvent } from '../machine/event.ts';
import type { State } from '../machine/state.ts';
import { traceIdOf } from './trace-context.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';

interface Line {
  readonly level: Level;
  readonly text: string;
}

const info = (text: string): Line => ({ level: 'info', text });
const warn = (text: string): Line => ({ level: 'warn', text });
const error = (text: string): Line => ({ level: 'error', text });

const STUCK = error('stuck: needs a person');

/** A line for each transition. What follows by itself from the one before it (something is asked for) is no news. */
const LINES: Readonly<Partial<Record<TransactionEvent['type'], Line>>> = {
  saga_started: info('started'),
  signal_received: info('signal received'),
  wait_ended: info('wait ended'),
  step_skipped: info('step skipped'),
  attempt_started: info('attempt started'),
  attempt_lost: warn('attempt lost'),
  attempt_failed: warn('attempt failed, will be retried'),
  step_succeeded: info('step succeeded'),
  step_failed: warn('step failed'),
  step_withdrawn: info('step withdrawn'),
  step_stuck: STUCK,
  step_overdue: warn('step overdue: it has failed as often as its policy allows, and is tried on'),
  saga_turned: warn('the transaction turns back'),
  compensation_succeeded: info('compensation succeeded'),
  compensation_stuck: STUCK,
  hold_renewed: info('hold renewed'),
  tcc_held: info('everything is held'),
  verdict_reached: info('verdict reached'),
  confirm_succeeded: info('confirmation succeeded'),
  confirm_stuck: STUCK,
  confirm_skipped: warn('confirmation given up by an operator'),
  compensation_skipped: warn('compensation given up by an operator'),
  saga_paused: info('paused'),
  saga_resumed: info('resumed'),
  retry_requested: info('retry requested'),
  late_result: warn('an answer came after its time, and is not used'),
  saga_completed: info('completed'),
  saga_compensated: info('compensated'),
  tcc_confirmed: info('confirmed'),
  tcc_cancelled: info('cancelled'),
  saga_terminated: warn('terminated by an operator'),
};

/** Of an event's data what tells about the course of things. Inputs, arguments and results are nobody's business here. */
function factsOf(event: TransactionEvent): Record<string, unknown> {
  const { data } = event;
  const facts: Record<string, unknown> = {};
  if ('step' in data) facts['step'] = data.step;
  if ('op' in data) facts['op'] = data.op;
  if ('attempt' in data && data.attempt !== undefined) facts['attempt'] = data.attempt;
  if ('signal' in data) facts['signal'] = data.signal;
  if ('outcome' in data) facts['outcome'] = data.outcome;
  if ('retryInMs' in data) facts['retryInMs'] = data.retryInMs;
  if ('error' in data && data.error !== undefined) facts['error'] = data.error.message;
  if ('turn' in data) facts['reason'] = data.turn.kind;
  if ('verdict' in data) facts['verdict'] = data.verdict;
  return facts;
}

/** Writes a line for each of these events: transaction, step, attempt, trace; no payloads. */
export function logTransitions(log: Logger, state: State, events: readonly TransactionEvent[]): void {
  // Most are info, and most loggers of a library are not: nothing is put together for a line that is not written.
  const chatty = log.isLevelEnabled('info');
  for (const event of events) {
    const line = LINES[event.type];
    if (line === undefined || (line.level === 'info' && !chatty) || !log.isLevelEnabled(line.level)) continue;
    log[line.level](
      {
        transaction: state.id,
        saga: state.saga,
        ...factsOf(event),
        ...(state.traceparent === undefined ? {} : { trace_id: traceIdOf(state.traceparent) }),
      },
      line.text,
    );
  }
}
