import { StepFailed, implement, type StepImplementation } from 'amends';
import { createOrder } from './contracts.ts';
import { defineTables, type ServiceDatabase } from './database.ts';
import { openEffects } from './effects.ts';
import type { HiccupOptions } from './hiccups.ts';

const SHIPS_TO: readonly string[] = ['United Kingdom', 'EIRE', 'Belgium', 'France', 'Germany', 'Netherlands', 'Spain'];

export interface OrdersOptions {
  /** Countries it ships to. Default {@link SHIPS_TO}. */
  readonly shipsTo?: readonly string[] | undefined;
  readonly hiccups?: HiccupOptions | undefined;
}

const TABLES = [
  `create table if not exists orders (
    order_id text primary key,
    customer_id text not null,
    country text not null,
    placed_at text not null,
    units bigint not null check (units > 0),
    cents bigint not null check (cents >= 0),
    status text not null default 'open' check (status in ('open', 'cancelled'))
  )`,
];

/** The orders service: enters an order, unless it goes where nothing is shipped to or its number is taken. */
export async function ordersService(database: ServiceDatabase, options: OrdersOptions = {}): Promise<StepImplementation> {
  const shipsTo = new Set(options.shipsTo ?? SHIPS_TO);
  await defineTables(database, TABLES);
  const effects = await openEffects('orders', database, options.hiccups);
  return implement(createOrder, {
    run: (context) =>
      effects.run(context, async (sql) => {
        const { orderId, customerId, country, placedAt, units, cents } = context.input;
        if (!shipsTo.has(country)) throw new StepFailed(`orders are not shipped to ${country}`);
        const entered = await sql.query(
          `insert into orders (order_id, customer_id, country, placed_at, units, cents) values ($1, $2, $3, $4, $5, $6)
           on conflict do nothing returning 1`,
          [orderId, customerId, country, placedAt, units, cents],
        );
        // Numbers are not used again, not even that of a cancelled order: papers with it are in the world.
        if (entered.length === 0) throw new StepFailed(`order number ${orderId} is taken`);
        return { orderId };
      }),
    compensate: (context) =>
      effects.undo(context, async (sql, { orderId }) => {
        const cancelled = await sql.query(`update orders set status = 'cancelled' where order_id = $1 and status = 'open' returning 1`, [
          orderId,
        ]);
        if (cancelled.length === 0) throw new Error(`order ${orderId} was entered but is not open: find out who closed it`);
      }),
  });
}
