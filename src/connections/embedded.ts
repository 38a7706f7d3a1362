import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { Client } from 'pg';
import { AmendsError } from '../errors.ts';
import { EmbeddedPool } from './embedded-pool.ts';
import { startUpkeep } from './embedded-upkeep.ts';
import { FolderLock } from './folder-lock.ts';
import { SingleSession } from './single-session.ts';
import type { SqlPool } from './sql.ts';

export interface EmbeddedOptions {
  /** Where the data is kept; created if missing. */
  readonly folder: string;
  /** Told in one line what people should know: that this store is for one process, and why a start takes long. */
  readonly onNotice?: ((message: string) => void) | undefined;
}

export interface EmbeddedStore {
  readonly pool: SqlPool;
  /** Waits for the statements that run, rolls back what is open, and gives the folder free. Idempotent. */
  readonly close: () => Promise<void>;
}

/** Later ones win over PGlite's own. The search path is here, and not a statement, so that nothing resets it. */
const SETTINGS = ['search_path=bullmq,public', 'shared_buffers=64MB', 'max_wal_size=64MB', 'min_wal_size=8MB'];

/** Opens the database in a folder, and makes it anew unless it was once made to the end. */
async function openDatabase(root: string, onNotice: (message: string) => void): Promise<PGlite> {
  const data = join(root, 'data');
  const complete = join(root, 'complete');
  const isNew = !existsSync(complete);
  if (isNew) {
    onNotice(`preparing the embedded store in ${root}, once, a few seconds`);
    await rm(data, { recursive: true, force: true });
    await writeFile(join(root, '.gitignore'), '*\n');
  } else if (!existsSync(join(data, 'PG_VERSION'))) {
    throw new Error('its data is not there any more'); // a new database in its place would hide that
  }
  const database = await PGlite.create(data, {
    startParams: [...PGlite.defaultStartParams, ...SETTINGS.flatMap((setting) => ['-c', setting])],
    // Segments of the log, in MiB: the usual 16 are most of a small store.
    initDbStartParams: ['--wal-segsize=1'],
  });
  if (isNew) await writeFile(complete, `${new Date().toISOString()}\n`);
  return database;
}

async function start(root: string, onNotice: (message: string) => void): Promise<PGlite> {
  try {
    return await openDatabase(root, onNotice);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new AmendsError(
      'STORE_CORRUPT',
      `the embedded store in ${root} can't be opened (${reason}): move the folder away to begin anew, or set AMENDS_URL to a server`,
      { cause },
    );
  }
}

/**
 * Opens the embedded store: a PostgreSQL (PGlite) inside this process, with its data in a folder. For one process at a time.
 * What was committed survives the end of the process, SIGKILL included. It does not call `fsync`: after a power cut the folder may
 * be damaged, so production wants a server.
 *
 * @throws {AmendsError} STORE_LOCKED (another process has it), STORE_CORRUPT
 *
 * @example const { pool, close } = await openEmbedded({ folder: '.amends', onNotice: console.error });
 */
export async function openEmbedded({ folder, onNotice = () => undefined }: EmbeddedOptions): Promise<EmbeddedStore> {
  const root = resolve(folder);
  await mkdir(root, { recursive: true, mode: 0o700 });
  let lost: (error: AmendsError) => void = () => undefined;
  const lock = await FolderLock.acquire(root, onNotice, (error) => lost(error));
  let database: PGlite;
  try {
    database = await start(root, onNotice);
  } catch (error) {
    lock.release();
    throw error;
  }
  const client = new Client(createPgConfig(database));
  await client.connect();
  const session = new SingleSession(client);

  let closing: Promise<void> | undefined;
  const shutDown = async (reason: AmendsError): Promise<void> => {
    stopUpkeep();
    await pool.drain(reason);
    await client.end();
    await database.close();
    lock.release();
  };
  const close = (): Promise<void> => (closing ??= shutDown(new AmendsError('CLOSED', `the embedded store in ${root} was closed`)));
  const pool = new EmbeddedPool(client, session, close);
  const stopUpkeep = startUpkeep(session, (error) => pool.fail(error as Error));
  lost = (error) => {
    // Whoever has the folder now must not find our writes in it.
    session.close(error);
    pool.fail(error);
  };
  onNotice(`embedded store in ${root}: for one process; for production set AMENDS_URL to redis://… or postgres://…`);
  return { pool, close };
}
