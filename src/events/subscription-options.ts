import { AmendsError } from '../errors.ts';
import { checkText } from './batch.ts';
import { checkPosition } from './global-log-checks.ts';

export interface SubscribeOptions {
  /** Whose events: streams' definitions or names of categories. `transaction`: the sagas' journal. Default: all but `transaction`. */
  readonly events?: readonly (string | { readonly name: string })[];
  /** Where a new subscription begins: with the oldest event, with those to come, or after a position. One that is known goes on where it was. */
  readonly from: 'start' | 'end' | number;
  /**
   * Into so many shares its aggregates are divided; the processes that run it take some each. The events of an aggregate stay in order.
   * 1 to 256, default 1. Another number later is taken over without losing or repeating an event.
   */
  readonly partitions?: number;
  /** At most so many events are handled in one transaction, or before the checkpoint is moved. Default 100. */
  readonly batch?: number;
  /**
   * Give the handler a transaction of the store (`tx`, PostgreSQL) in which the checkpoint moves. Default `true`; with `false` none is open
   * while the handler runs, and what it does is done at least once.
   */
  readonly transaction?: boolean;
  /** An event that fails is tried so often before it is parked. Default 5. */
  readonly attempts?: number;
  /** Pause after the first failure, in milliseconds; it doubles with each. Default 200. */
  readonly retryDelayMs?: number;
  /** Longest pause between two tries, in milliseconds. Default 30 000. */
  readonly maxRetryDelayMs?: number;
  /** A process that does not renew its lease for so long loses its partitions, in milliseconds from 500. Default 10 000. */
  readonly leaseMs?: number;
}

export interface ResolvedSubscription {
  readonly name: string;
  readonly categories: readonly string[] | undefined;
  readonly from: 'start' | 'end' | number;
  readonly partitions: number;
  readonly batch: number;
  readonly transaction: boolean;
  readonly attempts: number;
  readonly retryDelayMs: number;
  readonly maxRetryDelayMs: number;
  readonly leaseMs: number;
}

const NAME = /^[A-Za-z][A-Za-z0-9_.@-]{0,99}$/;

/** @throws {AmendsError} INVALID_OPTION */
export function checkSubscriptionName(name: string): string {
  if (typeof name === 'string' && NAME.test(name)) return name;
  throw new AmendsError(
    'INVALID_OPTION',
    `subscription ${JSON.stringify(name) ?? String(name)}: use 1 to 100 letters, digits, _ . @ and -, starting with a letter`,
  );
}

function whole(what: string, value: number, least: number, most: number): number {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return value;
  throw new AmendsError('INVALID_OPTION', `${what} is ${String(value)}: give a whole number from ${least} to ${most}`);
}

/** @throws {AmendsError} INVALID_OPTION, INVALID_ID */
export function resolveSubscription(name: string, options: SubscribeOptions): ResolvedSubscription {
  checkSubscriptionName(name);
  const { events, from } = options;
  if (events?.length === 0)
    throw new AmendsError('INVALID_OPTION', `subscription "${name}": events is empty: name at least one, or leave it out`);
  if (from !== 'start' && from !== 'end') {
    if (typeof from !== 'number')
      throw new AmendsError('INVALID_OPTION', `subscription "${name}": from is ${String(from)}: give 'start', 'end' or a position`);
    checkPosition('from', from);
  }
  const of = (
    key: 'partitions' | 'batch' | 'attempts' | 'retryDelayMs' | 'maxRetryDelayMs' | 'leaseMs',
    value: number,
    least: number,
    most: number,
  ) => whole(`subscription "${name}": ${key}`, options[key] ?? value, least, most);
  return {
    name,
    categories:
      events === undefined ? undefined : [...new Set(events.map((one) => checkText('events', typeof one === 'string' ? one : one.name)))],
    from,
    partitions: of('partitions', 1, 1, 256),
    batch: of('batch', 100, 1, 1_000),
    transaction: options.transaction ?? true,
    attempts: of('attempts', 5, 1, 1_000),
    retryDelayMs: of('retryDelayMs', 200, 0, 86_400_000),
    maxRetryDelayMs: of('maxRetryDelayMs', 30_000, 0, 86_400_000),
    leaseMs: of('leaseMs', 10_000, 500, 3_600_000),
  };
}
