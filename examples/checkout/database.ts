// The database of one service: a schema of its own in CHECKOUT_DATABASE_URL, or an embedded PostgreSQL in a folder of its own.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { pgExecutor, pgliteExecutor } from 'amends/barrier';
import { installReservations, pgliteTransactions, pgTransactions, type Transact } from 'amends/reservations';
import { Pool } from 'pg';

export interface ServiceDatabase {
  readonly transaction: Transact;
  readonly close: () => Promise<void>;
}

export async function openDatabase(service: string): Promise<ServiceDatabase> {
  const url = process.env['CHECKOUT_DATABASE_URL'];
  if (url !== undefined && url !== '') {
    const schema = `checkout_${service}`;
    const pool = new Pool({ connectionString: url, options: `-c search_path=${schema}` });
    await pool.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    await installReservations(pgExecutor(pool));
    return { transaction: pgTransactions(pool), close: () => pool.end() };
  }
  const folder = join(process.env['CHECKOUT_DATA_DIR'] || '.amends/checkout-example', service);
  await mkdir(folder, { recursive: true });
  const database = await PGlite.create(folder);
  await installReservations(pgliteExecutor(database));
  return { transaction: pgliteTransactions(database), close: () => database.close() };
}
