// The saga of the crash matrix: the fixture of the scenarios with a parallel group. Victims build it from the built package and the judge from
// the sources, so that what they build it with is handed in.
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';

/**
 * What becomes of an order, by its name: it works, its shipment is refused, or nobody knows what became of its shipment. Two are TCCs: everything
 * is confirmed, or its courier is refused and everything is cancelled. Two are fused: one works, in a job, a service's and the root; one is all in
 * the root, and its shipment is refused.
 */
export const SCENARIOS = ['works', 'refused', 'unsure', 'confirmed', 'cancelled', 'fused', 'fused_refused'];

const INPUT = z.object({ order: z.enum(SCENARIOS) });
const RESULT = z.object({ ref: z.string() });
const RETRY = { attempts: 3, delayMs: 10, maxDelayMs: 20, jitter: 0 };

async function take(tx, { sagaId, step, transactionId = sagaId, resource = step, op }, delta) {
  await tx.query('INSERT INTO effects (gid, step, op, delta) VALUES ($1, $2, $3, $4)', [transactionId, resource, op, delta]);
}

function codeOf(name, { StepFailed, withBarrier }, pool) {
  return {
    run: async (context) => {
      const { order } = context.input;
      if (name === 'create_shipment' && (order === 'refused' || order === 'fused_refused')) throw new StepFailed('no carrier goes there');
      // So that a step inside a group has a second attempt.
      if (name === 'hold_coupon' && order.startsWith('fused') && context.attempt === 1) throw new Error('the coupons are busy');
      const result = await withBarrier(pool, context, async (tx) => {
        await take(tx, context, 1);
        return { ref: `${name}/${order}` };
      });
      if (name === 'create_shipment' && order === 'unsure') throw new Error('the carrier hung up');
      return result;
    },
    compensate: async (context) => {
      // So that an undo has a second attempt too.
      if (name === 'hold_coupon' && context.attempt === 1) throw new Error('the coupons are busy');
      await withBarrier(pool, context, (tx) => take(tx, context, -1));
    },
  };
}

function resourceOf(name, { StepFailed, withBarrier }, pool) {
  return {
    try: async (context) => {
      if (name === 'courier' && context.input.order === 'cancelled') throw new StepFailed('no courier is free');
      return withBarrier(pool, context, async (tx) => {
        await take(tx, context, 1);
        return { ref: `${name}/${context.input.order}` };
      });
    },
    confirm: async (context) => {
      // So that a confirm has a second attempt too.
      if (name === 'credit' && context.attempt === 1) throw new Error('the bank is busy');
      await withBarrier(pool, context, (tx) => take(tx, context, 0));
    },
    cancel: async (context) => {
      if (name === 'credit' && context.attempt === 1) throw new Error('the bank is busy');
      await withBarrier(pool, context, (tx) => take(tx, context, -1));
    },
  };
}

/** The same of a TCC: one after the other, so that nothing is in flight when the last one is refused, and the same writes come each time. */
function crashCheckout(amends, name, pool) {
  const contract = (resource, service) => ({
    name: resource,
    input: INPUT,
    hold: RESULT,
    holdForMs: 400_000,
    timeoutMs: 15_000,
    retry: RETRY,
    confirmation: { retry: RETRY },
    cancellation: { retry: RETRY },
    ...(service === undefined ? {} : { service }),
  });
  const mapInput = ({ input }) => input;
  const inline = (resource) => amends.resource({ ...contract(resource), ...resourceOf(resource, amends, pool) });
  const credit = amends.resource(contract('credit', `${name}_payments`));
  const saga = amends
    .tcc({ name, version: 1, input: INPUT, deadlineMs: 300_000 })
    .reserve(inline('stock'), mapInput)
    .reserve(credit, mapInput)
    .reserve(inline('courier'), mapInput)
    .returns(({ holds }) => ({ ref: holds.courier.ref }));
  return { saga, implementations: [amends.implementResource(credit, resourceOf('credit', amends, pool))] };
}

/** What an order of this name is carried out by. */
export function crashDefinition(amends, order, name, pool) {
  if (order === 'confirmed' || order === 'cancelled') return crashCheckout(amends, name, pool);
  return crashOrders(amends, name, pool, order);
}

/**
 * @param amends What the package exports: `saga`, `step`, `implement`, `StepFailed`, and `withBarrier` of its barrier.
 * @param name Of the saga, and of the queue of its own that nobody else takes jobs from.
 * @param pool Of the participants' database; absent where the saga is only looked at.
 * @param order Says whether the saga is fused: then its steps come one after the other.
 */
function crashOrders(amends, name, pool, order) {
  const fuse = order.startsWith('fused');
  const contract = (step, service) => ({
    name: step,
    input: INPUT,
    result: RESULT,
    timeoutMs: 15_000,
    retry: RETRY,
    compensation: { retry: RETRY },
    ...(service === undefined ? {} : { service }),
  });
  const mapInput = ({ input }) => input;
  const inline = (step) => amends.step({ ...contract(step), ...codeOf(step, amends, pool) });
  const { run } = codeOf('send_mail', amends, pool);
  const own = order === 'fused_refused';
  const chargeCard = own ? inline('charge_card') : amends.step(contract('charge_card', `${name}_payments`));
  const begun = amends.saga({ name, version: 1, input: INPUT, fuse }).step(inline('reserve_stock'), mapInput);
  const paid = fuse
    ? begun.step(inline('hold_coupon'), mapInput).step(chargeCard, mapInput)
    : begun.parallel((all) => all.step(chargeCard, mapInput).step(inline('hold_coupon'), mapInput));
  const saga = paid
    .step(inline('create_shipment'), mapInput)
    .step(amends.step({ ...contract('send_mail'), run }), mapInput, { retriable: true })
    .returns(({ results }) => ({ ref: results.create_shipment.ref }));
  return { saga, implementations: own ? [] : [amends.implement(chargeCard, codeOf('charge_card', amends, pool))] };
}

/** Waits until `done` says so. */
export async function until(done) {
  while (!(await done())) await delay(10);
}
