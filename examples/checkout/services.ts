// Try, confirm and cancel of each service: amounts in its own database. The whole of it is ready-made.
import { reservations, type Reservations } from 'amends/reservations';
import { credit, stock } from './contracts.ts';
import { openDatabase } from './database.ts';

/** A service with its books. */
export interface Service {
  readonly books: Reservations;
  close(): Promise<void>;
}

const SWEEP_EVERY_MS = 10_000;

export async function inventoryService(): Promise<Service> {
  const { transaction, close } = await openDatabase('inventory');
  const books = reservations(stock, {
    transaction,
    reserve: ({ input }) => ({ item: input.sku, amount: input.pieces }),
    hold: ({ item, amount }) => ({ sku: item, pieces: amount }),
  });
  const sweep = books.sweepEvery(SWEEP_EVERY_MS, console.error);
  return { books, close: () => (sweep.stop(), close()) };
}

export async function bankService(): Promise<Service> {
  const { transaction, close } = await openDatabase('bank');
  const books = reservations(credit, {
    transaction,
    reserve: ({ input }) => ({ item: input.customer, amount: input.cents }),
    hold: ({ item, amount }) => ({ customer: item, cents: amount }),
  });
  const sweep = books.sweepEvery(SWEEP_EVERY_MS, console.error);
  return { books, close: () => (sweep.stop(), close()) };
}
