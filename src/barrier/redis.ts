import { AmendsError, StepFailed } from '../errors.ts';
import { DEFAULT_PAYLOAD_LIMITS } from '../flows/json.ts';
import type { Plan } from '../flows/plan.ts';
import { barrierCall, slotOf, type BarrierCall, type Slot } from './call.ts';
import type { SignalledContext, UndoContext } from './deliver.ts';
import { barrierResult, type BarrierOutcome } from './outcome.ts';
import { retentionFloorMs, type RetentionOptions } from './purge.ts';
import { compose, evaluate, type RedisCommands, type RedisWork } from './redis-script.ts';

/** How long Redis remembers what was delivered. */
export interface RedisRetention extends RetentionOptions {
  /** Every saga that calls this participant: the floor follows from their timeouts and retries, see {@link retentionFloorMs}. */
  readonly sagas: readonly { readonly plan: Plan }[];
  /** Milliseconds after the last operation of a branch. Refused below the floor, which is the default. */
  readonly ms?: number | undefined;
}

export interface RedisBarrierOptions {
  /**
   * On a cluster: the hash tag of every key, so that the barrier's own, `{tag}:txn_barrier:…`, is in their slot. An action and its compensation
   * must come with the same one, so take a constant, or derive it from the step's input.
   */
  readonly hashTag?: string | undefined;
  /** Default: it remembers for ever, and its memory grows. */
  readonly retention?: RedisRetention | undefined;
}

/**
 * The participant's script raised an error after it had written. Redis does not roll back, so a part of the operation has happened: neither it
 * nor its undo is run again, until somebody has put the data right and removed the field `op` of the hash `guard` (or set it, when it is done).
 * `cause` is the script's error. Not retried.
 */
export class BarrierTornError extends AmendsError {
  readonly retryable = false;

  constructor({ branchId, gid }: BarrierCall, op: string, guard: string, cause: Error) {
    super(
      'BARRIER_TORN',
      `the script of ${op} of "${branchId}" in ${gid} failed after it had written (${cause.message}): put its data right by hand, then HDEL '${guard}' ${op}`,
      { cause, details: { gid, branchId, op, guard } },
    );
    this.name = 'BarrierTornError';
  }
}

const REFUSED = /^-?(?:ERR )?REFUSED\b\s*(.*)$/s;
const LONGEST_MS = 100 * 365 * 86_400_000;

function tagIn(key: string): string | undefined {
  const open = key.indexOf('{');
  const close = open < 0 ? -1 : key.indexOf('}', open);
  return close > open + 1 ? key.slice(open + 1, close) : undefined;
}

function guardOf({ scope, gid, branchId, barrierId }: Slot, keys: readonly string[], { hashTag }: RedisBarrierOptions): string {
  // Encoded, so that no id can hold a colon or a hash tag.
  const guard = `txn_barrier:${[scope, gid, branchId, barrierId].map(encodeURIComponent).join(':')}`;
  if (hashTag === undefined) return guard;
  if (typeof hashTag !== 'string' || !/^[^{}]{1,255}$/.test(hashTag)) {
    throw new AmendsError(
      'INVALID_OPTION',
      `hashTag is ${JSON.stringify(hashTag)}: give what is between the braces of the keys, without them`,
    );
  }
  const stray = keys.find((key) => tagIn(key) !== hashTag);
  if (stray === undefined) return `{${hashTag}}:${guard}`;
  throw new AmendsError(
    'INVALID_OPTION',
    `key ${JSON.stringify(stray)} is not in the slot of the barrier: give it the hash tag {${hashTag}}`,
  );
}

function keepMs(retention: RedisRetention | undefined): string {
  if (retention === undefined) return '';
  const floor = retentionFloorMs(retention.sagas, retention);
  const { ms = floor } = retention;
  if (Number.isSafeInteger(ms) && ms >= Math.max(1, floor) && ms <= LONGEST_MS) return String(ms);
  throw new AmendsError(
    'INVALID_OPTION',
    `retention.ms is ${String(ms)}, and a delivery can come up to ${floor} ms late: a guard that is gone by then lets it through. Give whole milliseconds from ${floor} to ${LONGEST_MS}`,
    { details: { retentionMs: ms, floorMs: floor } },
  );
}

/** What the script raised, as a step's handler should throw it. */
function raised(error: unknown, hashTag: string | undefined): unknown {
  if (!(error instanceof Error)) return error;
  const refusal = REFUSED.exec(error.message);
  if (refusal !== null) return new StepFailed(refusal[1] || 'the participant refused it', { cause: error });
  if (!error.message.startsWith('CROSSSLOT')) return error;
  const advice = hashTag === undefined ? 'give hashTag, and all keys that hash tag in braces' : 'give all keys one hash tag';
  return new AmendsError('INVALID_OPTION', `the keys are in different slots of the cluster: ${advice}`, { cause: error });
}

/**
 * Does an operation at most once in Redis: guard and work are one script, which nothing can come between. A duplicate gets the reply of the first
 * delivery before the work's own checks are asked; an undo of what never happened does nothing and bars it; an action after its undo is barred.
 *
 * **Redis does not roll back.** Check first and write last: `return redis.error_reply('REFUSED why')` before the first write is a definite
 * refusal ({@link StepFailed}), any other error before it leaves nothing behind either and is delivered again. An error after a write leaves the
 * writes there, so the barrier closes the branch: {@link BarrierTornError} at every delivery, of the undo too, and the saga gets stuck where a
 * person sees it. A list of commands has no check, so write one whose types and arguments can't fail.
 *
 * The guard is as durable as the data beside it: with asynchronous replication a failover may lose both, and an eviction policy other than
 * `noeviction` may drop one of them. Keys that are not in `keys` work on a single server and fail on a cluster.
 *
 * @returns with the reply as JSON: what `EVAL` gives, so a number comes without its fraction, a table ends at its first nil, nil and false are
 *   `null`; return `cjson.encode(…)` for more. At most 1 MiB
 * @throws {StepFailed} the script refused, see above
 * @throws {BarrierTornError} the script failed after a write, now or before
 * @throws {AmendsError} INVALID_ID, INVALID_OPTION, INVALID_INPUT
 * @throws what the script raises and what the client says: the outcome is unknown, deliver again
 * @example
 * const outcome = await redisBarrier(redis, barrierCall(context), {
 *   keys: [`stock:{${sku}}`],
 *   args: [quantity],
 *   script: `
 *     if tonumber(redis.call('GET', KEYS[1]) or 0) < tonumber(ARGV[1]) then return redis.error_reply('REFUSED out of stock') end
 *     return redis.call('DECRBY', KEYS[1], ARGV[1])`,
 * }, { hashTag: sku });
 */
export async function redisBarrier<Result = unknown>(
  redis: RedisCommands,
  call: BarrierCall,
  work: RedisWork,
  options: RedisBarrierOptions = {},
): Promise<BarrierOutcome<Result>> {
  const slot = slotOf(call);
  const { lua, keys, args } = compose(work);
  const guard = guardOf(slot, keys, options);
  const head = [slot.op, slot.origin ?? '', slot.fingerprint ?? '-', keepMs(options.retention), String(DEFAULT_PAYLOAD_LIMITS.maxBytes)];
  let reply: readonly string[];
  try {
    reply = (await evaluate(redis, lua, [guard, ...keys], [...head, ...args])) as readonly string[];
  } catch (error) {
    throw raised(error, options.hashTag);
  }
  const [kind, first = 'null', second = '""'] = reply;
  switch (kind) {
    case 'executed':
    case 'duplicate':
      return { kind, result: JSON.parse(first) as Result };
    case 'empty':
    case 'suppressed':
    case 'mismatch':
      return { kind };
    case 'torn':
      throw new BarrierTornError(call, first, guard, new Error(JSON.parse(second) as string));
    default:
      throw new AmendsError(
        'STORE_CORRUPT',
        `the barrier's guard '${guard}' holds something else than the barrier wrote: restore or remove it`,
      );
  }
}

export interface WithRedisBarrierOptions extends RedisBarrierOptions, Pick<BarrierCall, 'scope' | 'barrierId'> {}

/**
 * {@link redisBarrier} for a step's handler: gives the script's reply, at every delivery the same; an undo that is empty or was done before
 * returns quietly.
 *
 * @throws {StepFailed} the script refused, or the action comes after its compensation (definite: it had no effect)
 * @throws {BarrierMismatchError} and {@link BarrierTornError}: not retried; everything else: deliver again
 * @example
 * implement(reserveStock, {
 *   run: (context) => withRedisBarrier<number>(redis, context, reserve(context.input)),
 *   compensate: (context) => withRedisBarrier(redis, context, release(context.input)),
 * });
 */
export function withRedisBarrier(
  redis: RedisCommands,
  context: UndoContext,
  work: RedisWork,
  options?: WithRedisBarrierOptions,
): Promise<void>;
export function withRedisBarrier<Result = unknown>(
  redis: RedisCommands,
  context: SignalledContext,
  work: RedisWork,
  options?: WithRedisBarrierOptions,
): Promise<Result>;
export async function withRedisBarrier(
  redis: RedisCommands,
  context: SignalledContext,
  work: RedisWork,
  options: WithRedisBarrierOptions = {},
): Promise<unknown> {
  context.signal.throwIfAborted();
  const call = barrierCall(context, { scope: options.scope, barrierId: options.barrierId });
  const result = barrierResult<unknown>(call, await redisBarrier(redis, call, work, options));
  return call.op === 'compensate' || call.op === 'cancel' ? undefined : result;
}
