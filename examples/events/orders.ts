// The events of an order, shared by all processes.
import { eventStream } from 'amends';
import { z } from 'zod';

export interface OrderState {
  readonly status: 'none' | 'placed' | 'paid' | 'packed' | 'shipped' | 'unpacked';
  readonly country: string;
}

export const orders = eventStream({
  name: 'order',
  version: 1,
  events: {
    placed: z.object({ country: z.string(), cents: z.int() }),
    paid: z.object({ by: z.string() }),
    packed: z.object({ parcel: z.string() }),
    shipped: z.object({ carrier: z.string() }),
    unpacked: z.object({ because: z.string() }),
  },
})
  .initially((): OrderState => ({ status: 'none', country: '' }))
  .evolve({
    placed: (state, { country }) => ({ ...state, status: 'placed', country }),
    paid: (state) => ({ ...state, status: 'paid' }),
    packed: (state) => ({ ...state, status: 'packed' }),
    shipped: (state) => ({ ...state, status: 'shipped' }),
    unpacked: (state) => ({ ...state, status: 'unpacked' }),
  });
