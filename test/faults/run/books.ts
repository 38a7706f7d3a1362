import { setTimeout as delay } from 'node:timers/promises';
import type { Pool, PoolClient } from 'pg';
import { installBarrier } from '../../../src/barrier/table.ts';
import { pgExecutor } from '../../../src/barrier/pg.ts';
import { SERVICES } from './orders.ts';

/** Rows that all orders move amounts between: hot, so that transactions get in each other's way. */
export const SLOTS = 4;

/** A real effect, as a service has written it down. */
export interface Effect {
  readonly gid: string;
  readonly step: string;
  readonly op: 'run' | 'compensate' | 'try' | 'confirm' | 'cancel';
  /** In the order in which they happened, for those that follow from each other. */
  readonly seq: number;
  readonly source: number;
  readonly target: number;
}

/**
 * The books of each service, in a schema of its own: what it holds, the barrier, and the ledger of effects. Nothing in the ledger is unique:
 * what happens twice stands there twice.
 */
export async function openBooks(pool: Pool): Promise<void> {
  // One sequence for all: the order across services is judged too.
  await pool.query('CREATE SEQUENCE effect_seq');
  for (const service of SERVICES) {
    await pool.query(`CREATE SCHEMA ${service};
      CREATE TABLE ${service}.balance (slot int PRIMARY KEY, amount bigint NOT NULL DEFAULT 0);
      INSERT INTO ${service}.balance SELECT generate_series(0, ${SLOTS - 1});
      CREATE TABLE ${service}.effects (seq bigint NOT NULL DEFAULT nextval('effect_seq'), gid text NOT NULL, step text NOT NULL, op text NOT NULL,
        source int NOT NULL, target int NOT NULL, worker int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())`);
    await installBarrier(pgExecutor(pool), { schema: service });
  }
}

export interface Entry {
  readonly service: string;
  readonly gid: string;
  readonly step: string;
  readonly op: Effect['op'];
  readonly number: number;
  /** The process that writes it. */
  readonly worker: number;
}

/** Writes an effect in the caller's transaction: a row in the ledger, and an amount moved from one slot to the next. `stormy`: in any order, slowly. */
export async function write(tx: PoolClient, entry: Entry, stormy: boolean): Promise<void> {
  const { service, gid, step, op, number, worker } = entry;
  const [from, to] = [number % SLOTS, (number + 1) % SLOTS];
  const undoes = op === 'compensate' || op === 'cancel';
  // A confirm moves nothing: the amount was moved when it was held.
  const [source, target] = op === 'confirm' ? [from, from] : undoes ? [to, from] : [from, to];
  await tx.query(`INSERT INTO ${service}.effects (gid, step, op, source, target, worker) VALUES ($1, $2, $3, $4, $5, $6)`, [
    gid,
    step,
    op,
    source,
    target,
    worker,
  ]);
  const inOrder = stormy ? Math.random() < 0.5 : source < target;
  const moves = [
    { slot: source, by: -1 },
    { slot: target, by: 1 },
  ];
  for (const { slot, by } of inOrder ? moves : moves.reverse()) {
    await tx.query(`UPDATE ${service}.balance SET amount = amount + $2 WHERE slot = $1`, [slot, by]);
    if (stormy) await delay(5);
  }
}

/** Whether a step's effect stands. */
export async function readEffectOf(pool: Pool, service: string, gid: string, step: string): Promise<boolean> {
  const { rows } = await pool.query(`SELECT FROM ${service}.effects WHERE gid = $1 AND step = $2 AND op = 'run'`, [gid, step]);
  return rows.length > 0;
}

/** Everything that really happened. */
export async function readEffects(pool: Pool): Promise<readonly Effect[]> {
  const all = SERVICES.map((service) => `SELECT gid, step, op, seq::int, source, target FROM ${service}.effects`).join(' UNION ALL ');
  return (await pool.query<Effect>(`${all} ORDER BY seq`)).rows;
}

/** I3: services whose balances are not what their effects make of them, or don't sum to zero. */
export async function unbalanced(pool: Pool): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const service of SERVICES) {
    const { rows } = await pool.query<{ slot: number; amount: string; expected: string }>(
      `SELECT slot, amount, (SELECT count(*) FILTER (WHERE target = slot) - count(*) FILTER (WHERE source = slot) FROM ${service}.effects) AS expected
      FROM ${service}.balance`,
    );
    for (const { slot, amount, expected } of rows) {
      if (amount !== expected) problems.push(`${service} slot ${slot} holds ${amount}, its effects make ${expected}`);
    }
    if (rows.reduce((sum, { amount }) => sum + Number(amount), 0) !== 0) problems.push(`the balances of ${service} don't sum to zero`);
  }
  return problems;
}
