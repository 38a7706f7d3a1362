import type { Plan } from '../flows/plan.ts';
import type { KeptReply } from './idempotency-key-reply.ts';
import { wholeNumber } from './idempotency-key-request.ts';
import { AmendsError } from '../errors.ts';
import { retentionFloorMs, type RetentionOptions } from './purge.ts';

/** A request that has the right to run. */
export interface HeldKey {
  readonly scope: string;
  readonly key: string;
  /** Who holds it: one that was taken over doesn't write any more. */
  readonly owner: string;
}

export type Begun =
  /** Run the request. */
  | { readonly kind: 'begun' }
  /** It runs elsewhere. */
  | { readonly kind: 'running' }
  /** The key came with another fingerprint. */
  | { readonly kind: 'mismatch' }
  | { readonly kind: 'finished'; readonly reply: KeptReply };

/** Where replies are kept: {@link pgReplies}, {@link redisReplies}, or one of your own. */
export interface ReplyStore {
  /**
   * Takes a key, for `leaseMs`: when that is over and it was not renewed, the process that had it is taken for dead, and the next request with
   * the same fingerprint runs. Atomic.
   */
  begin(key: HeldKey, fingerprint: string, leaseMs: number): Promise<Begun>;
  /** `false`: another one has taken the key over. */
  renew(key: HeldKey, leaseMs: number): Promise<boolean>;
  /** Keeps the reply. `false`: another one has taken the key over. */
  finish(key: HeldKey, reply: KeptReply): Promise<boolean>;
  /** Lets the key go, so that the next request with it runs. */
  release(key: HeldKey): Promise<void>;
}

export interface ReplyRetention extends RetentionOptions {
  /** How long a reply is kept, in milliseconds. Default 30 days, or the floor of `sagas`. */
  readonly retentionMs?: number | undefined;
  /** The sagas that call this participant: a retention below the longest delay of their deliveries is refused ({@link retentionFloorMs}). */
  readonly sagas?: readonly { readonly plan: Plan }[] | undefined;
}

const DEFAULT_MS = 30 * 86_400_000;
/** What an interval of the stores holds without a doubt. */
const LONGEST_MS = 100 * 365 * 86_400_000;

/** @throws {AmendsError} INVALID_OPTION */
export function retentionOf({ retentionMs, sagas, repairMs }: ReplyRetention): number {
  const floor = sagas === undefined ? 1000 : retentionFloorMs(sagas, { repairMs });
  const kept = wholeNumber('retentionMs', retentionMs ?? (sagas === undefined ? DEFAULT_MS : Math.max(floor, 1000)), 1000);
  if (kept >= floor && kept <= LONGEST_MS) return kept;
  throw new AmendsError('INVALID_OPTION', `retentionMs is ${kept}: give ${floor} (a retry can come so late) to ${LONGEST_MS}`, {
    details: { retentionMs: kept, floorMs: floor },
  });
}
