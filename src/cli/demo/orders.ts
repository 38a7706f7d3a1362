import { orderSaga } from '../../../examples/order/contracts.ts';
import { generateOrders } from '../../../examples/order/generate.ts';
import type { Amends } from '../../amends.ts';
import { AmendsError } from '../../errors.ts';
import { eachInFlight } from '../in-flight.ts';
import { readJsonLinesOf } from '../json-lines.ts';
import { isRejection } from '../start-lines.ts';
import { Tally } from './tally.ts';

export interface OrderSource {
  /** A file of JSON lines; without it orders are made up. */
  readonly file?: string | undefined;
  readonly count?: number | undefined;
  readonly seed?: number | undefined;
}

const IN_FLIGHT = 100;

type Incoming = { readonly order: unknown } | { readonly problem: string };

async function* ordersOf({ file, count, seed }: OrderSource, signal: AbortSignal): AsyncGenerator<Incoming, void, undefined> {
  if (file !== undefined) {
    for await (const line of readJsonLinesOf(file, signal)) {
      yield 'problem' in line ? { problem: `${line.problem.split(':')[0]}` } : { order: line.value };
    }
    return;
  }
  for (const order of generateOrders({ count, seed })) {
    if (signal.aborted) return;
    yield { order };
  }
}

function orderIdOf(order: unknown): string | undefined {
  const id = order !== null && typeof order === 'object' ? (order as { orderId?: unknown }).orderId : undefined;
  return typeof id === 'string' ? id : undefined;
}

function tagsOf(order: unknown): Record<string, string> {
  const { customerId } = order as { customerId?: unknown };
  return typeof customerId === 'string' ? { customer: customerId } : {};
}

/** Starts a saga for each order, some at the same time, and waits for all to end. */
export async function runOrders(
  amends: Amends,
  source: OrderSource,
  idOf: (orderId: string) => string,
  signal: AbortSignal,
): Promise<Tally> {
  const tally = new Tally();
  const steps = orderSaga.plan.stages.flat();
  await eachInFlight(ordersOf(source, signal), IN_FLIGHT, async (incoming) => {
    if ('problem' in incoming) return tally.reject(undefined, new AmendsError('INVALID_INPUT', incoming.problem));
    const { order } = incoming;
    const orderId = orderIdOf(order);
    try {
      if (orderId !== undefined && !tally.isNew(orderId))
        throw new AmendsError('INVALID_INPUT', `order ${orderId} came before in this run`);
      // Without an id the schema refuses it, and says why.
      const options = orderId === undefined ? {} : { id: idOf(orderId), tags: tagsOf(order) };
      const run = await amends.start(orderSaga, order as never, options);
      tally.started++;
      tally.end(orderId ?? run.id, run.id, await run.outcome(), steps);
    } catch (error) {
      if (!isRejection(error)) throw error;
      tally.reject(orderId, error);
    }
  });
  return tally;
}
