import * as z from 'zod';
import { saga, type Saga } from '../../../src/flows/saga.ts';
import { step, type Step } from '../../../src/flows/step.ts';
import type { Random } from './random.ts';

/** What is to happen to an order, drawn before it starts. */
const FATES = [
  'plain',
  /** A step says no. */
  'refused',
  /** A step fails after its effect, each time: nobody knows whether it happened. */
  'unknown',
  /** A step fails twice, before or after its effect. */
  'flaky',
  /** A step's first attempt takes longer than it may, and has its effect then. */
  'slow',
  /** Refused late, and an undo fails three times. */
  'undo_fails',
  /** Cancelled from outside, at any moment. */
  'cancelled',
  /** A step kills its worker, each time. */
  'deadly',
] as const;
type FateKind = (typeof FATES)[number];

const Fate = z.object({ kind: z.enum(FATES), step: z.string(), afterEffect: z.boolean() });
export type Fate = z.infer<typeof Fate>;

export const OrderInput = z.object({ order: z.string(), number: z.int(), fate: Fate });
export type Order = z.infer<typeof OrderInput>;

export const STEP_TIMEOUT_MS = 3_000;
export const retry = { attempts: 6, delayMs: 50, maxDelayMs: 1_000 };
/** Of what has to work in the end: as long as a store may be away. */
export const patient = { ...retry, attempts: 200 };
export const Result = z.object({ ref: z.string() });

function contract<const Name extends string>(name: Name, service: string, tries = retry): Step<Name, Order, Order, z.infer<typeof Result>> {
  return step({
    name,
    service,
    input: OrderInput,
    result: Result,
    timeoutMs: STEP_TIMEOUT_MS,
    retry: tries,
    compensation: { timeoutMs: STEP_TIMEOUT_MS, retry: patient },
  });
}

const reserveStock = contract('reserve_stock', 'stock');
const chargeCard = contract('charge_card', 'payments');
const bookCourier = contract('book_courier', 'shipping');
const approve = contract('approve', 'payments', patient);
const createShipment = contract('create_shipment', 'shipping');
const sendMail = contract('send_mail', 'stock');

/** Each in the books of its service. */
export const CONTRACTS = [reserveStock, chargeCard, bookCourier, approve, createShipment, sendMail];
export const SERVICES = ['stock', 'payments', 'shipping'] as const;
const UNDONE = ['reserve_stock', 'charge_card', 'book_courier'];

/** Six steps: a pair in parallel, a pivot, two that have to work. The deadline is never reached, unless a clock is believed that is hours off. */
export const orderSaga: Saga<Order, { readonly ref: string }> = saga({
  name: 'order',
  version: 1,
  input: OrderInput,
  deadlineMs: 3_600_000,
})
  .step(reserveStock, ({ input }) => input)
  .parallel((all) => all.step(chargeCard, ({ input }) => input).step(bookCourier, ({ input }) => input))
  .step(approve, ({ input }) => input, { pivot: true })
  .step(createShipment, ({ input }) => input, { retriable: true })
  .step(sendMail, ({ input }) => input, { retriable: true })
  .returns(({ results }) => ({ ref: results.create_shipment.ref }));

const SHARES: readonly (readonly [FateKind, number])[] = [
  ['refused', 0.12],
  ['unknown', 0.06],
  ['flaky', 0.12],
  ['slow', 0.05],
  ['undo_fails', 0.08],
  ['cancelled', 0.07],
];

export function drawFate(random: Random): Fate {
  const drawn = random.next();
  let sum = 0;
  const kind = SHARES.find(([, share]) => drawn < (sum += share))?.[0] ?? 'plain';
  const any = CONTRACTS.map(({ name }) => name);
  const steps = kind === 'refused' ? [...UNDONE, 'approve'] : kind === 'unknown' || kind === 'undo_fails' ? UNDONE : any;
  return { kind, step: random.pick(steps), afterEffect: random.chance(0.5) };
}

/** What happens where nothing is out of order: services that say no, and people who change their minds. */
export function calmed(fate: Fate): Fate {
  return fate.kind === 'refused' || fate.kind === 'cancelled' ? fate : { ...fate, kind: 'plain' };
}

export const DEADLY: Fate = { kind: 'deadly', step: 'charge_card', afterEffect: false };
