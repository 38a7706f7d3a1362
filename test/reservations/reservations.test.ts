import { randomBytes } from 'node:crypto';
import { PGlite } from '@electric-sql/pglite';
import { Pool } from 'pg';
import * as z from 'zod';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pgExecutor, pgliteExecutor, type BarrierExecutor } from '../../src/barrier/index.ts';
import { resource } from '../../src/flows/resource.ts';
import { tcc } from '../../src/flows/tcc.ts';
import type { StepCode } from '../../src/flows/step.ts';
import { installReservations, pgliteTransactions, pgTransactions, reservations, type Reservations } from '../../src/reservations/index.ts';
import type { Place } from '../support/place.ts';
import { createPostgresPlace } from '../support/postgres-place.ts';
import { eventually } from '../support/eventually.ts';

const stock = resource({
  name: 'stock',
  service: 'inventory',
  input: z.object({ sku: z.string(), quantity: z.number() }),
  hold: z.object({ sku: z.string(), quantity: z.number() }),
  holdForMs: 60_000,
});

const reserve = ({ input }: { readonly input: { sku: string; quantity: number } }): { item: string; amount: number } => ({
  item: input.sku,
  amount: input.quantity,
});
const hold = ({ item, amount }: { readonly item: string; readonly amount: number }): { sku: string; quantity: number } => ({
  sku: item,
  quantity: amount,
});
const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

interface Delivery {
  readonly id: string;
  readonly quantity?: number;
  readonly sku?: string;
  readonly expiresInMs?: number;
}

/** What a worker does with a delivery. */
function deliverTo({ implementation }: Reservations) {
  const code: StepCode = implementation.handler;
  const call = ({ id, quantity = 1, sku = 'tea', expiresInMs = 60_000 }: Delivery, op: 'try' | 'confirm' | 'cancel'): unknown => ({
    input: { sku, quantity },
    sagaId: id,
    step: 'stock',
    op,
    attempt: 1,
    idempotencyKey: `${id}:stock:${op}`,
    signal: new AbortController().signal,
    log,
    expiresAtMs: Date.now() + expiresInMs,
    hold: { sku, quantity },
    result: { sku, quantity },
    reason: new Error('why not'),
  });
  return {
    try: async (delivery: Delivery) => code.run(call(delivery, 'try') as never),
    confirm: async (delivery: Delivery) => code.confirm!(call(delivery, 'confirm') as never),
    cancel: async (delivery: Delivery) => code.compensate!(call(delivery, 'cancel') as never),
  };
}

interface Database {
  readonly executor: BarrierExecutor;
  readonly transaction: Parameters<typeof reservations>[1]['transaction'];
  close(): Promise<void>;
}

async function openPostgres(): Promise<Database> {
  const place: Place = await createPostgresPlace(`reservations_${randomBytes(6).toString('hex')}`);
  const pool = new Pool({ connectionString: place.url, max: 12 });
  return {
    executor: pgExecutor(pool),
    transaction: pgTransactions(pool),
    async close() {
      await pool.end();
      await place.end({ keep: false });
    },
  };
}

async function openEmbedded(): Promise<Database> {
  const database = await PGlite.create();
  return { executor: pgliteExecutor(database), transaction: pgliteTransactions(database), close: () => database.close() };
}

let counter = 0;

describe.each([
  ['postgres', openPostgres],
  ['embedded', openEmbedded],
] as const)('reservations on %s', (_kind, open) => {
  let database: Database;
  let shelves: Reservations;
  let deliver: ReturnType<typeof deliverTo>;

  /** A sku of its own with so many pieces. */
  async function shelf(pieces: number): Promise<{ sku: string; left: () => Promise<number>; id: () => string }> {
    const sku = `sku-${++counter}`;
    if (pieces > 0) await shelves.provide(sku, pieces);
    return { sku, left: () => shelves.available(sku), id: () => `tcc-${++counter}` };
  }

  beforeAll(async () => {
    database = await open();
    await Promise.all([installReservations(database.executor), installReservations(database.executor)]);
    shelves = reservations(stock, { transaction: database.transaction, reserve, hold });
    deliver = deliverTo(shelves);
  });
  afterAll(() => database.close());

  test('held, then taken: the hold is what the contract says', async () => {
    const { sku, left, id } = await shelf(5);
    const delivery = { id: id(), sku, quantity: 2 };
    expect(await deliver.try(delivery)).toEqual({ sku, quantity: 2 });
    expect(await left()).toBe(3);
    await deliver.confirm(delivery);
    expect(await left()).toBe(3);
  });

  test('T17 a try that is delivered twice, also at the same time: one hold, and the same answer', async () => {
    const { sku, left, id } = await shelf(5);
    const delivery = { id: id(), sku, quantity: 2 };
    const answers = await Promise.all(Array.from({ length: 4 }, () => deliver.try(delivery)));
    expect(answers).toEqual(Array.from({ length: 4 }, () => ({ sku, quantity: 2 })));
    expect(await left()).toBe(3);
  });

  test('T15 a confirm that is delivered twice, and a cancel that is: each is done once', async () => {
    const { sku, left, id } = await shelf(5);
    const [taken, given] = [
      { id: id(), sku },
      { id: id(), sku },
    ];
    await deliver.try(taken);
    await deliver.try(given);
    await Promise.all([deliver.confirm(taken), deliver.confirm(taken)]);
    await Promise.all([deliver.cancel(given), deliver.cancel(given)]);
    expect(await left()).toBe(4);
  });

  test("T19 what is held can't be sold meanwhile; ten buyers of the last five: five get one", async () => {
    const { sku, left, id } = await shelf(5);
    const buyers = Array.from({ length: 10 }, () => ({ id: id(), sku }));
    const results = await Promise.allSettled(buyers.map((buyer) => deliver.try(buyer)));
    const refused = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : []));
    expect(refused).toHaveLength(5);
    expect(refused[0]).toMatchObject({ code: 'STEP_FAILED', message: `stock: 1 of ${sku} were asked for, and 0 are left` });
    expect(await left()).toBe(0);
    const held = buyers.filter((_, at) => results[at]!.status === 'fulfilled');
    await Promise.all(held.map((buyer, at) => (at < 3 ? deliver.confirm(buyer) : deliver.cancel(buyer))));
    expect(await left()).toBe(2);
  });

  test('T03 a try that comes after its cancel is refused and holds nothing; the cancel before it changes nothing', async () => {
    const { sku, left, id } = await shelf(5);
    const delivery = { id: id(), sku };
    await deliver.cancel(delivery);
    await expect(deliver.try(delivery)).rejects.toMatchObject({ code: 'STEP_FAILED' });
    expect(await left()).toBe(5);
  });

  test('T12 a hold whose time is up is given back by a sweep, and its confirm throws HoldExpired, also when asked again', async () => {
    const { sku, left, id } = await shelf(5);
    const delivery = { id: id(), sku, quantity: 5, expiresInMs: 0 };
    await deliver.try(delivery);
    await eventually(async () => expect(await shelves.sweep()).toBe(1));
    expect(await left()).toBe(5);
    for (let times = 0; times < 2; times++) await expect(deliver.confirm(delivery)).rejects.toMatchObject({ code: 'HOLD_EXPIRED' });
    await deliver.cancel(delivery);
    expect(await left()).toBe(5);
  });

  test('a sweep never takes what is confirmed, and leaves what is not over; a late confirm that nobody has forestalled is good', async () => {
    const { sku, left, id } = await shelf(5);
    const late = { id: id(), sku, expiresInMs: 0 };
    const early = { id: id(), sku };
    await deliver.try(late);
    await deliver.try(early);
    await deliver.confirm(late);
    expect(await shelves.sweep()).toBe(0);
    expect(await left()).toBe(3);
  });

  test('a try that finds too little left gives back what has run out, without waiting for a sweep', async () => {
    const { sku, left, id } = await shelf(2);
    await deliver.try({ id: id(), sku, quantity: 2, expiresInMs: 0 });
    const buyer = { id: id(), sku, quantity: 2 };
    await eventually(async () => deliver.try(buyer));
    expect(await left()).toBe(0);
  });

  test('confirms race with sweeps: each hold is either taken or given back', async () => {
    const { sku, left, id } = await shelf(20);
    const buyers = Array.from({ length: 20 }, () => ({ id: id(), sku, expiresInMs: 0 }));
    await Promise.all(buyers.map((buyer) => deliver.try(buyer)));
    const confirms = buyers.map((buyer) =>
      deliver.confirm(buyer).then(
        () => 1,
        () => 0,
      ),
    );
    const sweeps = Array.from({ length: 5 }, () => shelves.sweep());
    const taken = (await Promise.all(confirms)).reduce((sum: number, one) => sum + one, 0);
    await Promise.all(sweeps);
    await shelves.sweep();
    expect(await left()).toBe(20 - taken);
  });

  test('T16 a confirm without a try: an error that is not tried again, and nothing is taken', async () => {
    const { sku, left, id } = await shelf(5);
    const delivery = { id: id(), sku };
    await expect(deliver.confirm(delivery)).rejects.toMatchObject({ code: 'NOT_ALLOWED', retryable: false });
    await deliver.cancel(delivery);
    await expect(deliver.confirm(delivery)).rejects.toMatchObject({ code: 'NOT_ALLOWED', message: expect.stringContaining('never tried') });
    expect(await left()).toBe(5);
  });

  test('never both: a confirm after the cancel and a cancel after the confirm are refused', async () => {
    const { sku, left, id } = await shelf(5);
    const [given, taken] = [
      { id: id(), sku },
      { id: id(), sku },
    ];
    await deliver.try(given);
    await deliver.cancel(given);
    await expect(deliver.confirm(given)).rejects.toThrow('is cancelled');
    await deliver.try(taken);
    await deliver.confirm(taken);
    await expect(deliver.cancel(taken)).rejects.toThrow('was confirmed');
    expect(await left()).toBe(4);
  });

  test('what is asked for must be whole: nothing is held of anything else', async () => {
    const { sku, left, id } = await shelf(5);
    for (const quantity of [0, -1, 1.5]) {
      await expect(deliver.try({ id: id(), sku, quantity })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    }
    await expect(shelves.provide('', 1)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await left()).toBe(5);
  });

  test('what has ended long ago is removed, and not what a delivery may still ask for', async () => {
    const checkout = tcc({ name: 'checkout', version: 1, input: z.object({}), deadlineMs: 1_000 }).reserve(stock, () => ({
      sku: 's',
      quantity: 1,
    }));
    await expect(shelves.purge({ tccs: [checkout], olderThanMs: 1_000 })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    expect(await shelves.purge({ tccs: [checkout], olderThanMs: 90 * 86_400_000 })).toBe(0);
  });
});
