import type { Awaitable } from './schema.ts';
import type { CompensationContext, ConfirmCall, StepCode, StepContext, StepLog } from './step.ts';

/** What every operation on a reservation is called with. */
interface ReservationContext<Args> {
  /** What is reserved, parsed by the resource's schema. */
  readonly input: Args;
  readonly transactionId: string;
  /** The resource's name. With `transactionId` it names the reservation. */
  readonly resource: string;
  /** 1 for the first attempt. */
  readonly attempt: number;
  /** The same on every delivery of this operation, and another one for each of the three. */
  readonly idempotencyKey: string;
  /** Fires at the timeout; a try's also when the TCC is cancelled meanwhile. */
  readonly signal: AbortSignal;
  readonly log: StepLog;
}

export interface TryContext<Args> extends ReservationContext<Args> {
  readonly op: 'try';
  /** Keep the hold until then, the same on every attempt. After that you may give it back. */
  readonly expiresAt: Date;
}

export interface ConfirmContext<Args, Hold> extends ReservationContext<Args> {
  readonly op: 'confirm';
  /** What `try` gave. */
  readonly hold: Hold;
  readonly expiresAt: Date;
}

export interface CancelContext<Args, Hold> extends ReservationContext<Args> {
  readonly op: 'cancel';
  /** What `try` gave; `undefined` when it failed, when its outcome is unknown, or when it was never called. */
  readonly hold: Hold | undefined;
  /** Why the TCC is cancelled. */
  readonly reason: Error;
}

export interface RenewContext<Args, Hold> extends ReservationContext<Args> {
  readonly op: 'renew';
  readonly hold: Hold;
  /** Keep the hold until then. */
  readonly expiresAt: Date;
}

/** The code of a resource. Each operation must be safe to call twice. */
export interface ResourceHandler<Args, Hold> {
  /**
   * Holds what is asked for, so that nobody else gets it, and gives what it is found by. Throw {@link StepFailed} when there is nothing to be
   * had; any other error leaves the outcome unknown: it is tried again, and cancelled when the attempts are used up.
   */
  try(context: TryContext<Args>): Awaitable<Hold>;
  /**
   * Makes the hold good. It must not refuse: the verdict stands. Throw {@link HoldExpired} when the hold has run out and was given away; anything
   * else is tried again. A promise is awaited; what it gives is not used.
   */
  confirm(context: ConfirmContext<Args, Hold>): unknown;
  /**
   * Gives the hold back. It is called for every reservation that was asked for, also when its try failed, has not arrived, or never will: bar a
   * try that comes later. A promise is awaited; what it gives is not used.
   */
  cancel(context: CancelContext<Args, Hold>): unknown;
  /**
   * Prolongs the hold, of a resource that is `renewable`. Throw {@link HoldExpired} when it was given away: the TCC is then cancelled. A promise
   * is awaited; what it gives is not used.
   */
  renew?(context: RenewContext<Args, Hold>): unknown;
}

type Call = Omit<StepContext<never>, 'op'>;

function common({ input, sagaId, step, attempt, idempotencyKey, log }: Call): Omit<ReservationContext<never>, 'signal'> {
  return { input, transactionId: sagaId, resource: step, attempt, idempotencyKey, log };
}

/** The signal is made when somebody asks for it. */
function withSignal<Given extends object>(given: Given, call: Call): Given & { readonly signal: AbortSignal } {
  return Object.defineProperty(given, 'signal', { enumerable: true, get: () => call.signal }) as Given & { readonly signal: AbortSignal };
}

/** What a reservation's try and confirm are called with beside what a step is. */
interface Expiring {
  readonly expiresAtMs?: number | undefined;
}

/** A resource's code as the engine calls it. */
export function codeOf(handler: ResourceHandler<never, unknown>): StepCode {
  const renew = (call: ConfirmCall): unknown =>
    handler.renew?.(withSignal({ ...common(call), op: 'renew', hold: call.hold, expiresAt: new Date(call.expiresAtMs ?? 0) }, call));
  return Object.freeze({
    run: (call: StepContext<never> & Expiring): unknown =>
      handler.try(withSignal({ ...common(call), op: 'try', expiresAt: new Date(call.expiresAtMs ?? 0) }, call)),
    confirm: (call: ConfirmCall): unknown =>
      handler.confirm(withSignal({ ...common(call), op: 'confirm', hold: call.hold, expiresAt: new Date(call.expiresAtMs ?? 0) }, call)),
    compensate: (call: CompensationContext<never, never>): unknown =>
      handler.cancel(withSignal({ ...common(call), op: 'cancel', hold: call.result, reason: call.reason }, call)),
    ...(handler.renew === undefined ? {} : { renew }),
  });
}
