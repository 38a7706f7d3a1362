import * as z from 'zod';
import { resource, saga, signal, step, StepFailed, tcc, type Amends, type Saga, type Tcc } from 'amends';

/** What the services of the shop do at the moment. A test turns them as it goes. */
export interface Services {
  /** The stock can take back what was reserved. */
  canRelease: boolean;
  /** No carrier takes it: the pivot fails, and what was done is undone. */
  noCarrier: boolean;
  /** So often the card's provider gives no clear answer. */
  vagueCharges: number;
  /** What the stock says when it can't take something back. */
  releaseError: string;
}

export const HEALTHY: Readonly<Services> = {
  canRelease: true,
  noCarrier: false,
  vagueCharges: 0,
  releaseError: 'connect ECONNREFUSED stock.internal:8443',
};

const Order = z.object({ sku: z.string(), cents: z.int() });
const Ref = z.object({ ref: z.string() });
const quick = { attempts: 2, delayMs: 5, maxDelayMs: 5, jitter: 0 };
const patient = { attempts: 5_000, delayMs: 1, maxDelayMs: 1, jitter: 0 };

type Order = z.infer<typeof Order>;
export type OrderSaga = Saga<Order, { ref: string }>;

/** Two branches, a charge, the shipment as pivot, and a mail after it. */
export function orderSaga(services: Services): OrderSaga {
  const made = <const Name extends string>(name: Name) =>
    step({
      name,
      input: Order,
      result: Ref,
      retry: name === 'charge_card' ? patient : quick,
      compensation: { retry: quick },
      run({ attempt, input }) {
        if (name === 'create_shipment' && services.noCarrier) throw new StepFailed('no carrier goes there');
        if (name === 'charge_card' && attempt <= services.vagueCharges) throw new Error('the provider hung up');
        return { ref: `${name}/${input.sku}` };
      },
      ...(['create_shipment', 'send_mail'].includes(name)
        ? {}
        : {
            compensate() {
              if (name === 'reserve_stock' && !services.canRelease) throw new Error(services.releaseError);
            },
          }),
    });
  return saga({ name: 'order', version: 1, input: Order })
    .parallel((all) => all.step(made('reserve_stock'), ({ input }) => input).step(made('reserve_courier'), ({ input }) => input))
    .step(made('charge_card'), ({ input }) => input)
    .step(made('create_shipment'), ({ input }) => input, { pivot: true })
    .step(made('send_mail'), ({ input }) => input, { retriable: true })
    .returns(({ results }) => ({ ref: results.create_shipment.ref }));
}

export const approval = signal({ name: 'approval', data: z.object({ approvedBy: z.string() }) });

/** Asks twice before it pays: what is done by then can be undone. */
export function claimSaga(): Saga<Order, { ref: string }> {
  const made = <const Name extends string>(name: Name) =>
    step({ name, input: Order, result: Ref, run: ({ input }) => ({ ref: `${name}/${input.sku}` }), compensate: () => undefined });
  return saga({ name: 'claim', version: 1, input: Order })
    .step(made('check_claim'), ({ input }) => input)
    .waitFor(approval, { timeoutMs: 600_000 })
    .step(made('book_amount'), ({ input }) => input)
    .waitFor(signal({ name: 'release', data: z.unknown() }), { timeoutMs: 600_000 })
    .step(made('pay_out'), ({ input }) => input, { pivot: true })
    .returns(({ results }) => results.pay_out);
}

/** As many steps as wanted, one after the other. */
export function longSaga(count: number): Saga<Order, unknown> {
  let made: Saga<Order, unknown> = saga({ name: 'long', version: 1, input: Order }) as never;
  for (let at = 1; at <= count; at++) {
    const one = step({
      name: `step_${at}`,
      input: Order,
      result: Ref,
      run: ({ input }) => ({ ref: input.sku }),
      compensate: () => undefined,
    });
    made = (made as unknown as { step(step: unknown, map: unknown): typeof made }).step(one, ({ input }: { input: Order }) => input);
  }
  return made;
}

/** Holds stock and a seat; the confirm of each fails while it may not. */
export function checkoutTcc(seats: { canConfirm: boolean; readonly stock?: { canConfirm: boolean } }): Tcc<Order, unknown> {
  const made = <const Name extends string>(name: Name) =>
    resource({
      name,
      input: Order,
      hold: Ref,
      holdForMs: 120_000,
      retry: quick,
      confirmation: { retry: quick },
      cancellation: { retry: quick },
      try: ({ input }) => ({ ref: `${name}/${input.sku}` }),
      confirm() {
        if (name === 'seat' && !seats.canConfirm) throw new Error('the seats are closed for tonight');
        if (name === 'stock' && seats.stock?.canConfirm === false) throw new Error('the stock is being counted');
      },
      cancel: () => undefined,
    });
  return tcc({ name: 'checkout', version: 1, input: Order, deadlineMs: 60_000 })
    .parallel((all) => all.reserve(made('stock'), ({ input }) => input).reserve(made('seat'), ({ input }) => input))
    .returns(({ holds }) => holds) as Tcc<Order, unknown>;
}

export const MUG: Order = { sku: 'mug', cents: 1_800 };

/** Starts an order that gets stuck on the undo of its stock, and waits until it is. */
export async function startStuck(amends: Amends, order: OrderSaga, services: Services, id: string): Promise<void> {
  Object.assign(services, { noCarrier: true, canRelease: false });
  const run = await amends.start(order, MUG, { id, tags: { customer: 'c7' } });
  const { status } = await run.outcome({ timeoutMs: 20_000 });
  if (status !== 'stuck') throw new Error(`${id} is ${status}, not stuck`);
}
