import { AsyncLocalStorage } from 'node:async_hooks';
import { hashOf } from '../flows/json.ts';

/** On whose behalf events are appended: a saga's step, or the handler of a subscription. */
export interface Cause {
  /** The same on every attempt, and different for everything else that appends: ids of events are made from it. */
  readonly key: string;
  /** What all of this belongs to: the saga's id. */
  readonly correlationId: string;
  /** What brought it about: the step's idempotency key, or the id of the event that was handled. */
  readonly causationId: string;
  readonly actor?: string | undefined;
  /** W3C trace context. */
  readonly traceparent?: string | undefined;
}

interface Scope {
  readonly cause: Cause;
  /** Events appended so far in this attempt, by stream. */
  readonly counts: Map<string, number>;
}

const LONGEST_KEY_BYTES = 256;

const scopes = new AsyncLocalStorage<Scope>();
/** Following a call through its promises costs every promise of the process a little: done only where an event stream was defined. */
let appendsExpected = false;

/** From now on `within` is worth its price. */
export function expectAppends(): void {
  appendsExpected = true;
}

/** Runs `work` so that what it appends says its cause, which is asked for where somebody may append. Once for each attempt. */
export function within<T>(causeOf: () => Cause, work: () => T): T {
  return appendsExpected ? scopes.run({ cause: causeOf(), counts: new Map() }, work) : work();
}

export function presentCause(): Cause | undefined {
  return scopes.getStore()?.cause;
}

/**
 * Ids for events that are appended within a cause: on another attempt the same ones, as long as it appends to each stream in the same order.
 * `undefined`: there is no cause.
 */
export function nextEventIds(stream: string, count: number): readonly string[] | undefined {
  const scope = scopes.getStore();
  if (scope === undefined) return undefined;
  const before = scope.counts.get(stream) ?? 0;
  scope.counts.set(stream, before + count);
  // The stream as a hash: its name may be as long as an id can be.
  const place = hashOf(stream).slice(0, 16);
  const { key } = scope.cause;
  // An event's id is part of the key of what it brings about, and so on: it must not grow beyond what an id may have.
  const root = Buffer.byteLength(key) <= LONGEST_KEY_BYTES ? key : hashOf(key);
  return Array.from({ length: count }, (_, i) => `${root}/${place}.${before + i + 1}`);
}
