import { randomUUID } from 'node:crypto';
import { AmendsError, StepFailed, implement, type StepImplementation } from 'amends';
import { reserveInventory } from './contracts.ts';
import { defineTables, type ServiceDatabase, type Sql } from './database.ts';
import { openEffects } from './effects.ts';
import type { HiccupOptions } from './hiccups.ts';

export const DEFAULT_UNITS_PER_SKU = 200;

export interface InventoryOptions {
  /** Units in stock of a sku when it is first asked for. Default {@link DEFAULT_UNITS_PER_SKU}. */
  readonly unitsPerSku?: number | undefined;
  readonly hiccups?: HiccupOptions | undefined;
}

// Sorted by bytes, so that every process takes the locks of several skus in the same order, whatever its locale.
const TABLES = [
  `create table if not exists stock (
    sku text collate "C" primary key,
    opened bigint not null,
    available bigint not null check (available >= 0)
  )`,
  // Append-only: units reserved are above 0, units given back below.
  `create table if not exists movements (
    position bigint generated always as identity primary key,
    reservation_id text not null,
    order_id text not null,
    sku text collate "C" not null references stock,
    units bigint not null check (units <> 0)
  )`,
  'create index if not exists movements_by_reservation on movements (reservation_id)',
];

const WANTED = `(select sku collate "C" as sku, sum(quantity)::bigint as units
  from jsonb_to_recordset($1::jsonb) as line (sku text, quantity bigint) group by 1)`;

async function reserve(sql: Sql, orderId: string, lines: string, unitsPerSku: number): Promise<string> {
  await sql.query(
    `insert into stock (sku, opened, available) select sku, $2::bigint, $2::bigint from ${WANTED} as wanted order by sku
     on conflict do nothing`,
    [lines, unitsPerSku],
  );
  const rows = await sql.query<{ sku: string; available: number; units: number }>(
    `select stock.sku, stock.available, wanted.units from ${WANTED} as wanted join stock using (sku) order by stock.sku for update of stock`,
    [lines],
  );
  const short = rows.filter(({ available, units }) => available < units);
  if (short.length > 0) {
    const list = short.slice(0, 3).map(({ sku, available, units }) => `${available} of ${units} ${sku}`);
    throw new StepFailed(`out of stock: there are ${list.join(', ')}${short.length > 3 ? ` and ${short.length - 3} more` : ''}`);
  }
  const reservationId = `reservation-${randomUUID()}`;
  await sql.query(`update stock set available = available - wanted.units from ${WANTED} as wanted where stock.sku = wanted.sku`, [lines]);
  await sql.query(`insert into movements (reservation_id, order_id, sku, units) select $2, $3, sku, units from ${WANTED} as wanted`, [
    lines,
    reservationId,
    orderId,
  ]);
  return reservationId;
}

async function release(sql: Sql, reservationId: string): Promise<void> {
  await sql.query(`select 1 from stock where sku in (select sku from movements where reservation_id = $1) order by sku for update`, [
    reservationId,
  ]);
  await sql.query(
    `update stock set available = available + held.units
     from (select sku, sum(units)::bigint as units from movements where reservation_id = $1 group by 1) as held where stock.sku = held.sku`,
    [reservationId],
  );
  await sql.query(
    `insert into movements (reservation_id, order_id, sku, units)
     select reservation_id, order_id, sku, -units from movements where reservation_id = $1`,
    [reservationId],
  );
}

/** The inventory service: reserves all items of an order or none. */
export async function inventoryService(database: ServiceDatabase, options: InventoryOptions = {}): Promise<StepImplementation> {
  const { unitsPerSku = DEFAULT_UNITS_PER_SKU } = options;
  if (!Number.isSafeInteger(unitsPerSku) || unitsPerSku < 0) {
    throw new AmendsError('INVALID_OPTION', `unitsPerSku is ${unitsPerSku}: give a whole number from 0`);
  }
  await defineTables(database, TABLES);
  const effects = await openEffects('inventory', database, options.hiccups);
  return implement(reserveInventory, {
    run: (context) =>
      effects.run(context, async (sql) => ({
        reservationId: await reserve(sql, context.input.orderId, JSON.stringify(context.input.lines), unitsPerSku),
      })),
    compensate: (context) => effects.undo(context, (sql, { reservationId }) => release(sql, reservationId)),
  });
}
