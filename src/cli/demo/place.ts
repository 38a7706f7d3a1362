import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ServicesLocation } from '../../../examples/order/services.ts';
import { storeUrl } from '../connection.ts';
import type { GlobalOptions } from '../options.ts';

/** Where a run of the demo keeps its things, apart from those of every other run. */
export interface DemoPlace {
  /** For connect: the store. */
  readonly connection: GlobalOptions;
  /** Folder of an embedded store that isn't there yet, when the services' databases are embedded too. */
  readonly newStoreFolder: string | undefined;
  /** Where the three services keep their databases. */
  readonly services: ServicesLocation;
  readonly idOf: (orderId: string) => string;
  /** A folder that is removed at the end. */
  readonly temporary: string | undefined;
  remove(): Promise<void>;
}

/** `ORDER_DATABASE_URL`, else the store when that is PostgreSQL. */
function orderDatabaseUrl(url: string): string | undefined {
  const given = process.env['ORDER_DATABASE_URL'];
  if (given !== undefined && given !== '') return given;
  return /^postgres(ql)?:/.test(url) ? url : undefined;
}

/**
 * Chooses the place: a server when `--url` or AMENDS_URL names one, the folder of `--folder`, else a fresh temporary folder. What others may
 * share gets a fresh namespace.
 */
export async function findPlace(options: GlobalOptions): Promise<DemoPlace> {
  const run = randomBytes(4).toString('hex');
  const url = storeUrl(options);
  const namespace = options.namespace ?? `demo_${run}`;
  const databaseUrl = orderDatabaseUrl(url);
  const needsTemporary = (url === '' && options.folder === undefined) || (url !== '' && databaseUrl === undefined);
  const temporary = needsTemporary ? await mkdtemp(join(tmpdir(), 'amends-demo-')) : undefined;
  const folder = options.folder ?? temporary;
  const isNewStore = url === '' && databaseUrl === undefined && !existsSync(join(folder!, 'data'));
  const connection: GlobalOptions = url === '' ? { url: '', folder: folder!, namespace } : { url, namespace };
  return {
    connection,
    newStoreFolder: isNewStore ? folder : undefined,
    services: databaseUrl === undefined ? { folder: join(folder!, `order-${run}`) } : { url: databaseUrl, schemaPrefix: `demo_${run}_` },
    // In a namespace that was given there may be the orders of another run.
    idOf: (orderId) => (options.namespace === undefined ? `order-${orderId}` : `order-${orderId}-${run}`),
    temporary,
    remove: async () => {
      if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
    },
  };
}
