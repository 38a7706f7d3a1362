import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { SERVICES } from '../../../examples/order/services.ts';
import { openEmbedded } from '../../connections/embedded.ts';

async function makeDatabase(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  // Segments of the log, in MiB: the usual 16 are a third of what is copied.
  const database = await PGlite.create(folder, { initDbStartParams: ['--wal-segsize=1'] });
  await database.close();
  return folder;
}

/** Makes the embedded store, and leaves it before anything is in it. Gives where its database is. */
async function makeStore(folder: string): Promise<string> {
  const store = await openEmbedded({ folder });
  await store.close();
  return join(folder, 'data');
}

/**
 * Makes a new embedded database for each service. To make one takes seconds of CPU, to copy one hardly any: so one is made, that of the store
 * if it has to be made too, and copied.
 */
export async function prepareServiceFolders(folder: string, newStoreFolder: string | undefined): Promise<void> {
  const folders = SERVICES.map((service) => join(folder, service));
  const made = newStoreFolder === undefined ? await makeDatabase(join(folder, SERVICES[0])) : await makeStore(newStoreFolder);
  await Promise.all(folders.filter((target) => target !== made).map((target) => cp(made, target, { recursive: true })));
}
