import { AmendsError } from '../errors.ts';
import { checkHandler, type AnyStep, type Step, type StepCode, type StepHandler } from './step.ts';

/** Conditional, so that it is known when the compiler looks at the code: literals in it are then typed by the contract. */
type HandlerOf<Args, Result> = [Args, Result] extends [infer A, infer R] ? StepHandler<A, R> : never;

/** A step's code together with its contract, for a worker. */
export interface StepImplementation {
  readonly step: AnyStep;
  readonly handler: StepCode;
}

/**
 * Gives the code of a step, in the process of the service that owns it.
 *
 * @throws {AmendsError} INVALID_DEFINITION when the contract already has code, or this is none
 * @example
 * const payments = implement(chargePayment, {
 *   run: async ({ input, idempotencyKey, signal }) => ({ chargeId: await psp.charge(input, { idempotencyKey, signal }) }),
 *   compensate: async ({ result, actionIdempotencyKey }) => psp.refund(result?.chargeId ?? actionIdempotencyKey),
 * });
 */
export function implement<Args, Result>(
  // oxlint-disable-next-line typescript/no-explicit-any -- the input type plays no part in an implementation
  contract: Step<string, any, Args, Result>,
  handler: HandlerOf<Args, Result>,
): StepImplementation {
  if (contract?.kind !== 'step') {
    throw new AmendsError('INVALID_DEFINITION', `implement() takes what step({ … }) gives and its code, not ${typeof contract}`);
  }
  if (contract.handler !== undefined) {
    throw new AmendsError('INVALID_DEFINITION', `step "${contract.name}" has its code inline: drop either that or this implement()`);
  }
  if (handler?.run === undefined) {
    throw new AmendsError('INVALID_DEFINITION', `step "${contract.name}": implement() needs a run function`);
  }
  checkHandler(`step "${contract.name}"`, handler);
  return Object.freeze({ step: contract, handler });
}
