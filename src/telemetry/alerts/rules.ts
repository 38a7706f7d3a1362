import { AmendsError } from '../../errors.ts';
import { ALERT_RULES, type AlertRule } from './alert.ts';

/** Which rules are watched, and from when on they tell. `false` switches one off. */
export interface AlertRules {
  /** A transaction waits for a person. */
  readonly stuck?: boolean;
  /**
   * Nothing happens in a transaction although something should, for this much longer than it may take; or a step that no failure turns back
   * (it is retried for ever, or is a pivot of which nobody knows whether it happened) has failed as often as its policy allows, or for this
   * long. Default 20 000 ms.
   */
  readonly overdue?: false | { readonly afterMs?: number };
  /** Nothing has happened for this long, and no worker takes the job that is due, or has its code, or is left of those that had it. Default 20 000 ms. */
  readonly noWorker?: false | { readonly afterMs?: number };
  /** A compensation, a confirm or a cancel has failed this often, or has failed and was begun this long ago. Defaults: 3, and 30 000 ms. */
  readonly compensationFailing?: false | { readonly afterAttempts?: number; readonly afterMs?: number };
  /** The sweeper had to put back jobs: something loses them. */
  readonly sweeper?: boolean;
  /** A subscription has not reached an event that is this old. Default 30 000 ms. */
  readonly lag?: false | { readonly afterMs?: number };
  /** Redis has lost writes. */
  readonly storeLoss?: boolean;
}

export interface ResolvedRules {
  readonly on: ReadonlySet<AlertRule>;
  readonly overdueAfterMs: number;
  readonly noWorkerAfterMs: number;
  readonly failingAfterAttempts: number;
  readonly failingAfterMs: number;
  readonly lagAfterMs: number;
}

function wholeOf(name: string, value: unknown, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return value as number;
  throw new AmendsError('INVALID_OPTION', `alerts.rules.${name} is ${JSON.stringify(value)}: give a whole number from 1`);
}

/** @throws {AmendsError} INVALID_OPTION */
export function resolveRules(rules: AlertRules = {}): ResolvedRules {
  const unknown = Object.keys(rules).find((name) => !ALERT_RULES.includes(name as AlertRule));
  if (unknown !== undefined) {
    throw new AmendsError(
      'INVALID_OPTION',
      `alerts.rules: there is no rule ${JSON.stringify(unknown)}: there are ${ALERT_RULES.join(', ')}`,
    );
  }
  const failing = rules.compensationFailing || {};
  return {
    on: new Set(ALERT_RULES.filter((rule) => rules[rule] !== false)),
    overdueAfterMs: wholeOf('overdue.afterMs', (rules.overdue || {}).afterMs, 20_000),
    noWorkerAfterMs: wholeOf('noWorker.afterMs', (rules.noWorker || {}).afterMs, 20_000),
    failingAfterAttempts: wholeOf('compensationFailing.afterAttempts', failing.afterAttempts, 3),
    failingAfterMs: wholeOf('compensationFailing.afterMs', failing.afterMs, 30_000),
    lagAfterMs: wholeOf('lag.afterMs', (rules.lag || {}).afterMs, 30_000),
  };
}
