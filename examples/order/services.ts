import { join } from 'node:path';
import type { StepImplementation } from 'amends';
import { openServiceDatabase, type ServiceDatabase, type ServiceDatabaseOptions } from './database.ts';
import type { HiccupOptions } from './hiccups.ts';
import { inventoryService } from './inventory.ts';
import { ordersService } from './orders.ts';
import { paymentsService } from './payments.ts';

/** In the order in which the saga calls them. */
export const SERVICES = ['orders', 'inventory', 'payments'] as const;
export type ServiceName = (typeof SERVICES)[number];
export type ServiceDatabases = Readonly<Record<ServiceName, ServiceDatabase>>;

export interface ServiceOptions {
  readonly unitsPerSku?: number | undefined;
  readonly creditCents?: number | undefined;
  readonly hiccups?: HiccupOptions | undefined;
}

/** Where the databases are: a schema each on PostgreSQL, `schemaPrefix` (default `order_example_`) and the service's name; or a folder each. */
export type ServicesLocation = { readonly url: string; readonly schemaPrefix?: string | undefined } | { readonly folder: string };

/** The three services in one process, each with its own database. */
export interface OrderServices {
  readonly databases: ServiceDatabases;
  readonly implementations: readonly StepImplementation[];
  close(): Promise<void>;
  /** Closes the databases and removes everything in them. */
  drop(): Promise<void>;
}

/** The code of one service on its database. */
export function openService(service: ServiceName, database: ServiceDatabase, options: ServiceOptions = {}): Promise<StepImplementation> {
  switch (service) {
    case 'orders':
      return ordersService(database, options);
    case 'inventory':
      return inventoryService(database, options);
    case 'payments':
      return paymentsService(database, options);
  }
}

/** Where the database of one service is. */
export function databaseOptions(service: ServiceName, location: ServicesLocation): ServiceDatabaseOptions {
  if ('folder' in location) return { folder: join(location.folder, service) };
  return { url: location.url, schema: `${location.schemaPrefix ?? 'order_example_'}${service}` };
}

/** Opens all three. When one can't be opened the others are closed again. */
export async function openOrderServices(location: ServicesLocation, options: ServiceOptions = {}): Promise<OrderServices> {
  const opened: ServiceDatabase[] = [];
  const open = async (service: ServiceName) => {
    const database = await openServiceDatabase(service, databaseOptions(service, location));
    opened.push(database);
    return { database, implementation: await openService(service, database, options) };
  };
  const each = async (work: (database: ServiceDatabase) => Promise<void>): Promise<void> => {
    await Promise.all(opened.map(work));
  };
  const tried = await Promise.allSettled(SERVICES.map(open));
  const failed = tried.find((attempt) => attempt.status === 'rejected');
  const [orders, inventory, payments] = tried.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
  if (orders === undefined || inventory === undefined || payments === undefined) {
    await each((database) => database.close());
    throw failed?.reason;
  }
  return {
    databases: { orders: orders.database, inventory: inventory.database, payments: payments.database },
    implementations: [orders.implementation, inventory.implementation, payments.implementation],
    close: () => each((database) => database.close()),
    drop: () => each((database) => database.drop()),
  };
}
