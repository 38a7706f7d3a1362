// Packs an order and hands it to a carrier; an order that no carrier takes is unpacked again. Each step says in the order's stream what it did.
import { saga, step, StepFailed, type Events, type Saga } from 'amends';
import { z } from 'zod';
import { orders } from './orders.ts';

const input = z.object({ orderId: z.string(), country: z.string() });

export function shippingSaga(events: Events): Saga<z.input<typeof input>, { carrier: string }> {
  const pack = step({
    name: 'pack',
    input,
    result: z.object({ parcel: z.string() }),
    async run({ input: { orderId } }) {
      const parcel = `parcel of ${orderId}`;
      // Its id follows from the step: however often the step is tried, the event is stored once.
      await events.append(orders, orderId, [{ type: 'packed', data: { parcel } }], { expectedVersion: 'exists' });
      return { parcel };
    },
    async compensate({ input: { orderId }, reason }) {
      await events.append(orders, orderId, [{ type: 'unpacked', data: { because: reason.message } }], { expectedVersion: 'exists' });
    },
  });

  const handOver = step({
    name: 'hand_over',
    input,
    result: z.object({ carrier: z.string() }),
    async run({ input: { orderId, country } }) {
      if (country === 'Atlantis') throw new StepFailed('no carrier goes to Atlantis');
      const carrier = 'La Poste';
      await events.append(orders, orderId, [{ type: 'shipped', data: { carrier } }], { expectedVersion: 'exists' });
      return { carrier };
    },
  });

  return saga({ name: 'shipping', version: 1, input })
    .step(pack, (given) => given.input)
    .step(handOver, (given) => given.input, { pivot: true })
    .returns(({ results }) => results.hand_over);
}
