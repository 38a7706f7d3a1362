import type { Sql } from './database.ts';
import type { ServiceDatabases, ServiceName } from './services.ts';

/** One operation a service recorded. */
export interface Effect {
  readonly service: ServiceName;
  readonly sagaId: string;
  readonly orderId: string;
  readonly operation: 'run' | 'compensate';
  readonly outcome: 'done' | 'empty';
  /** Microseconds since the epoch, by the clock of the service's database. */
  readonly atUs: number;
}

export async function readEffects(service: ServiceName, database: Sql): Promise<readonly Effect[]> {
  const rows = await database.query<Omit<Effect, 'service'>>(
    `select saga_id as "sagaId", order_id as "orderId", operation, outcome, at_us as "atUs" from effects`,
  );
  return rows.map((row) => ({ service, ...row }));
}

interface OrderEntry {
  readonly orderId: string;
  readonly open: boolean;
  readonly units: number;
  readonly cents: number;
}

/** What inventory holds for one order. */
interface OrderUnits {
  readonly orderId: string;
  /** Units still reserved, over all skus. */
  readonly net: number;
  /** Skus whose reserved units don't sum to 0. */
  readonly skus: readonly string[];
  readonly reservations: number;
  /** Reservations of which units were given back. */
  readonly released: number;
}

interface StockEntry {
  readonly sku: string;
  readonly opened: number;
  readonly available: number;
  readonly reserved: number;
}

/** What payments holds for one order. */
interface OrderCents {
  readonly orderId: string;
  /** Charges less refunds. */
  readonly net: number;
  readonly charges: number;
  readonly refunds: number;
}

interface CreditEntry {
  readonly customerId: string;
  readonly creditCents: number;
  readonly usedCents: number;
  readonly ledgerCents: number;
}

/** All that the audit compares, summed by the databases. */
export interface Books {
  readonly effects: readonly Effect[];
  readonly orders: readonly OrderEntry[];
  readonly units: readonly OrderUnits[];
  readonly stock: readonly StockEntry[];
  readonly cents: readonly OrderCents[];
  readonly credit: readonly CreditEntry[];
}

const UNITS = `with by_sku as (select order_id, sku, sum(units)::bigint as net from movements group by 1, 2),
  by_order as (select order_id, coalesce(jsonb_agg(sku) filter (where net <> 0), '[]') as skus from by_sku group by 1)
  select order_id as "orderId", sum(units)::bigint as net, skus,
    count(distinct reservation_id) filter (where units > 0) as reservations,
    count(distinct reservation_id) filter (where units < 0) as released
  from movements join by_order using (order_id) group by order_id, skus`;

const STOCK = `select sku, opened, available, coalesce(sum(units), 0)::bigint as reserved
  from stock left join movements using (sku) group by 1, 2, 3`;

const SIGNED = `case kind when 'charge' then cents else -cents end`;

const CENTS = `select order_id as "orderId", sum(${SIGNED})::bigint as net,
    count(*) filter (where kind = 'charge') as charges, count(*) filter (where kind = 'refund') as refunds
  from ledger group by 1`;

const CREDIT = `select customer_id as "customerId", credit_cents as "creditCents", used_cents as "usedCents",
    coalesce(sum(${SIGNED}), 0)::bigint as "ledgerCents"
  from customers left join ledger using (customer_id) group by 1, 2, 3`;

export async function readBooks({ orders, inventory, payments }: ServiceDatabases): Promise<Books> {
  return {
    effects: [
      ...(await readEffects('orders', orders)),
      ...(await readEffects('inventory', inventory)),
      ...(await readEffects('payments', payments)),
    ],
    orders: await orders.query<OrderEntry>(`select order_id as "orderId", status = 'open' as open, units, cents from orders`),
    units: await inventory.query<OrderUnits>(UNITS),
    stock: await inventory.query<StockEntry>(STOCK),
    cents: await payments.query<OrderCents>(CENTS),
    credit: await payments.query<CreditEntry>(CREDIT),
  };
}
