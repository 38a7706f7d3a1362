import * as z from 'zod';
import { eventStream } from '../../src/events/event-stream.ts';

export interface OrderState {
  readonly status: 'none' | 'placed' | 'paid';
  readonly cents: number;
  readonly payments: number;
}

const events = {
  placed: z.object({ cents: z.number().int(), gift: z.boolean().default(false) }),
  paid: z.object({ cents: z.number().int() }),
};

/** The orders of the tests. */
export const orders = eventStream({ name: 'order', version: 1, events })
  .initially((): OrderState => ({ status: 'none', cents: 0, payments: 0 }))
  .evolve({
    placed: (state, { cents }) => ({ ...state, status: 'placed', cents }),
    paid: (state) => ({ ...state, status: 'paid', payments: state.payments + 1 }),
  });

export const placed = (cents = 1200) => ({ type: 'placed', data: { cents } }) as const;
export const paid = (cents = 1200) => ({ type: 'paid', data: { cents } }) as const;

export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const one of source) found.push(one);
  return found;
}
