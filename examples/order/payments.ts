import { randomUUID } from 'node:crypto';
import { AmendsError, StepFailed, implement, type StepImplementation } from 'amends';
import { chargePayment } from './contracts.ts';
import { defineTables, type ServiceDatabase } from './database.ts';
import { openEffects } from './effects.ts';
import type { HiccupOptions } from './hiccups.ts';

export const DEFAULT_CREDIT_CENTS = 100_000;

export interface PaymentsOptions {
  /** Credit of a customer who is seen for the first time, in cents. Default {@link DEFAULT_CREDIT_CENTS}. */
  readonly creditCents?: number | undefined;
  readonly hiccups?: HiccupOptions | undefined;
}

const TABLES = [
  `create table if not exists customers (
    customer_id text primary key,
    credit_cents bigint not null,
    used_cents bigint not null default 0 check (used_cents between 0 and credit_cents)
  )`,
  // Append-only.
  `create table if not exists ledger (
    position bigint generated always as identity primary key,
    kind text not null check (kind in ('charge', 'refund')),
    charge_id text not null,
    order_id text not null,
    customer_id text not null references customers,
    cents bigint not null check (cents >= 0)
  )`,
  'create index if not exists ledger_by_charge on ledger (charge_id)',
];

function pounds(cents: number): string {
  return `£${(cents / 100).toFixed(2)}`;
}

/** The payments service: charges a customer within the limit of their credit; a refund gives it back. */
export async function paymentsService(database: ServiceDatabase, options: PaymentsOptions = {}): Promise<StepImplementation> {
  const { creditCents = DEFAULT_CREDIT_CENTS } = options;
  if (!Number.isSafeInteger(creditCents) || creditCents < 0) {
    throw new AmendsError('INVALID_OPTION', `creditCents is ${creditCents}: give a whole number from 0`);
  }
  await defineTables(database, TABLES);
  const effects = await openEffects('payments', database, options.hiccups);
  return implement(chargePayment, {
    run: (context) =>
      effects.run(context, async (sql) => {
        const { orderId, customerId, cents } = context.input;
        await sql.query('insert into customers (customer_id, credit_cents) values ($1, $2) on conflict do nothing', [
          customerId,
          creditCents,
        ]);
        const charged = await sql.query(
          'update customers set used_cents = used_cents + $2 where customer_id = $1 and used_cents + $2 <= credit_cents returning 1',
          [customerId, cents],
        );
        if (charged.length === 0) throw new StepFailed(`${pounds(cents)} is more than is left of the credit of customer ${customerId}`);
        const chargeId = `charge-${randomUUID()}`;
        await sql.query(`insert into ledger (kind, charge_id, order_id, customer_id, cents) values ('charge', $1, $2, $3, $4)`, [
          chargeId,
          orderId,
          customerId,
          cents,
        ]);
        return { chargeId };
      }),
    compensate: (context) =>
      effects.undo(context, async (sql, { chargeId }) => {
        // By the ledger and not by the input: what is given back is what was taken.
        const refunded = await sql.query(
          `with refund as (
             insert into ledger (kind, charge_id, order_id, customer_id, cents)
             select 'refund', charge_id, order_id, customer_id, cents from ledger where charge_id = $1 and kind = 'charge'
             returning customer_id, cents)
           update customers set used_cents = used_cents - refund.cents from refund where customers.customer_id = refund.customer_id
           returning 1`,
          [chargeId],
        );
        if (refunded.length === 0) throw new Error(`charge ${chargeId} is not in the ledger: find out who removed it`);
      }),
  });
}
