import { resource, type Resource } from '../../../src/flows/resource.ts';
import { tcc, type Tcc } from '../../../src/flows/tcc.ts';
import { OrderInput, patient, Result, retry, STEP_TIMEOUT_MS, type Fate, type Order } from './orders.ts';
import type { Random } from './random.ts';

type Hold = { readonly ref: string };

function contract<const Name extends string>(name: Name, service: string): Resource<Name, Order, Order, Hold> {
  const policy = { timeoutMs: STEP_TIMEOUT_MS, retry: patient };
  return resource({
    name,
    service,
    input: OrderInput,
    hold: Result,
    // The deadline is never reached, as that of the sagas.
    holdForMs: 4_000_000,
    timeoutMs: STEP_TIMEOUT_MS,
    retry,
    confirmation: policy,
    cancellation: policy,
  });
}

const holdStock = contract('hold_stock', 'stock');
const holdCredit = contract('hold_credit', 'payments');
const holdCourier = contract('hold_courier', 'shipping');
/** Each in the books of its service. */
export const RESOURCES = [holdStock, holdCredit, holdCourier];

/** One, then a pair at the same time. */
export const checkoutTcc: Tcc<Order, unknown> = tcc({ name: 'checkout', version: 1, input: OrderInput, deadlineMs: 3_600_000 })
  .reserve(holdStock, ({ input }) => input)
  .parallel((all) => all.reserve(holdCredit, ({ input }) => input).reserve(holdCourier, ({ input }) => input));

const SHARES: readonly (readonly [Fate['kind'], number])[] = [
  ['refused', 0.15],
  ['unknown', 0.08],
  ['flaky', 0.2],
  ['slow', 0.05],
  ['cancelled', 0.12],
];

/** `flaky`: also its confirm or its cancel fails, three times. */
export function drawCheckoutFate(random: Random): Fate {
  const drawn = random.next();
  let sum = 0;
  const kind = SHARES.find(([, share]) => drawn < (sum += share))?.[0] ?? 'plain';
  return { kind, step: random.pick(RESOURCES).name, afterEffect: random.chance(0.5) };
}
