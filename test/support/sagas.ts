import * as z from 'zod';
import type { RetryPolicy } from '../../src/flows/policy.ts';
import { saga, type AnySaga } from '../../src/flows/saga.ts';
import { step, type Step } from '../../src/flows/step.ts';

const anything = z.unknown();
const nothing = (): undefined => undefined;

/** A step for tests of the rules: its code is never run. */
export function plainStep<const Name extends string>(
  name: Name,
  { retry, undoRetry }: { readonly retry?: RetryPolicy; readonly undoRetry?: RetryPolicy } = {},
): Step<Name, unknown, unknown, unknown> {
  return step({
    name,
    input: anything,
    result: anything,
    run: nothing,
    compensate: nothing,
    ...(retry === undefined ? {} : { retry }),
    ...(undoRetry === undefined ? {} : { compensation: { retry: undoRetry } }),
  });
}

const RETRY: RetryPolicy = { attempts: 3, backoff: 'exponential', delayMs: 100, maxDelayMs: 150, jitter: 0.5 };
const UNDO_RETRY: RetryPolicy = { ...RETRY, attempts: 3 };

const reserveStock = plainStep('reserve_stock', { retry: RETRY, undoRetry: UNDO_RETRY });
const chargeCard = plainStep('charge_card', { retry: RETRY, undoRetry: UNDO_RETRY });
const createShipment = plainStep('create_shipment', { retry: RETRY, undoRetry: UNDO_RETRY });
const sendMail = plainStep('send_mail', { retry: RETRY });

const mapInput = ({ input }: { readonly input: unknown }): unknown => input;

/** The fixture of the acceptance scenarios. */
export const orderSaga: AnySaga = saga({ name: 'order', version: 1, input: anything })
  .step(reserveStock, mapInput)
  .step(chargeCard, ({ results }) => ({ for: results.reserve_stock }))
  .step(createShipment, mapInput)
  .step(sendMail, mapInput, { retriable: true })
  .returns(({ results }) => ({ shipment: results.create_shipment }));

/** The same, with the charge as go / no-go. */
export const pivotSaga: AnySaga = saga({ name: 'order_with_pivot', version: 1, input: anything })
  .step(reserveStock, mapInput)
  .step(chargeCard, mapInput, { pivot: true })
  .step(sendMail, mapInput, { retriable: true });

/** Two stages of parallel branches and a step behind them. */
export const parallelSaga: AnySaga = saga({ name: 'parallel', version: 1, input: anything })
  .step(plainStep('first'), mapInput)
  .parallel((all) =>
    all
      .step(plainStep('left', { retry: RETRY }), mapInput)
      .step(plainStep('middle', { retry: RETRY }), mapInput)
      .step(plainStep('right', { retry: RETRY }), mapInput),
  )
  .parallel((all) => all.step(plainStep('up', { retry: RETRY }), mapInput).step(plainStep('down', { retry: RETRY }), mapInput))
  .step(plainStep('last'), mapInput);
