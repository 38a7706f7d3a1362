import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { openServiceDatabase, type ServiceDatabase } from '../../../examples/order/database.ts';
import { databaseOptions, type ServiceName, type ServicesLocation } from '../../../examples/order/services.ts';

export interface Store {
  readonly store: string;
  /** A place of its own that nothing has been stored in. */
  location(): Promise<ServicesLocation>;
}

/** Creating an embedded database takes seconds of a processor that other test files may want too. */
export const OPENING_MS = 90_000;

const folders: string[] = [];
afterAll(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'amends-order-'));
  folders.push(folder);
  return folder;
}

const url = process.env['DATABASE_URL'];

/** Where a service can have its database: embedded, and a server when the test command has started one. */
export const stores: readonly Store[] = [
  { store: 'PGlite', location: async () => ({ folder: await newFolder() }) },
  ...(url === undefined
    ? []
    : [{ store: 'PostgreSQL', location: async () => ({ url, schemaPrefix: `order_${randomUUID().slice(0, 8)}_` }) }]),
];

export async function openDatabase(store: Store, service: ServiceName): Promise<ServiceDatabase> {
  return openServiceDatabase(service, databaseOptions(service, await store.location()));
}
