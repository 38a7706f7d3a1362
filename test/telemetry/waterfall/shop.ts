import { setTimeout as delay } from 'node:timers/promises';
import { SpanKind, trace } from '@opentelemetry/api';
import * as z from 'zod';
import { StepFailed } from '../../../src/errors.ts';
import { implement, type StepImplementation } from '../../../src/flows/implement.ts';
import { saga, type Saga } from '../../../src/flows/saga.ts';
import { step } from '../../../src/flows/step.ts';

const Order = z.object({ order: z.string() });
const Ref = z.object({ ref: z.string() });
const retry = { attempts: 3, delayMs: 120, maxDelayMs: 120, jitter: 0 };

const contract = <const Name extends string>(name: Name, service: string) =>
  step({ name, service, input: Order, result: Ref, retry, compensation: { retry } });
const reserveStock = contract('reserve_stock', 'stock');
const bookCourier = contract('book_courier', 'stock');
const chargeCard = contract('charge_card', 'payments');

/** Its card is declined after a try that nobody answered, so that everything has to be undone. */
export const orderSaga: Saga<{ readonly order: string }, unknown> = saga({ name: 'order', version: 1, input: Order })
  .step(reserveStock, ({ input }) => input)
  .step(bookCourier, ({ input }) => input)
  .step(chargeCard, ({ input }) => input);

/** A call of the step's own, as instrumented clients make them. */
function call<T>(name: string, ms: number, then: () => T): Promise<T> {
  return trace.getTracer('clients').startActiveSpan(name, { kind: SpanKind.CLIENT }, async (span) => {
    await delay(ms);
    span.end();
    return then();
  });
}

export const CODE: Readonly<Record<string, readonly StepImplementation[]>> = {
  stock: [
    implement(reserveStock, {
      run: ({ input }) => call('INSERT stock.lots', 70, () => ({ ref: `lot/${input.order}` })),
      compensate: () => call('DELETE stock.lots', 50, () => undefined),
    }),
    implement(bookCourier, {
      run: ({ input }) => call('POST couriers/bookings', 130, () => ({ ref: `courier/${input.order}` })),
      compensate: ({ attempt }) =>
        call('DELETE couriers/bookings', 60, () => {
          if (attempt === 1) throw new Error('503 Service Unavailable');
        }),
    }),
  ],
  payments: [
    implement(chargeCard, {
      run: ({ attempt }) =>
        call('POST bank/charges', 90, () => {
          if (attempt === 1) throw new Error('no answer');
          throw new StepFailed('card declined');
        }),
      compensate: () => call('POST bank/refunds', 60, () => undefined),
    }),
  ],
};
