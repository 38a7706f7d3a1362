import { AmendsError, type StepImplementation } from 'amends';
import { openServiceDatabase } from './database.ts';
import { databaseOptions, openService, type ServiceName, type ServiceOptions, type ServicesLocation } from './services.ts';

function wholeNumber(environment: NodeJS.ProcessEnv, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new AmendsError('INVALID_OPTION', `${name} is "${text}": give a whole number from 0`);
}

/** Where the databases are: `ORDER_DATABASE_URL` with schemas that begin with `ORDER_SCHEMA_PREFIX`, or folders under `ORDER_DATA_DIR`. */
export function locationFrom(environment: NodeJS.ProcessEnv): ServicesLocation {
  const url = environment['ORDER_DATABASE_URL'];
  if (url !== undefined && url !== '') return { url, schemaPrefix: environment['ORDER_SCHEMA_PREFIX'] || undefined };
  return { folder: environment['ORDER_DATA_DIR'] || '.amends/order-example' };
}

/** The rules' numbers: `ORDER_UNITS_PER_SKU`, `ORDER_CREDIT_CENTS`, `ORDER_HICCUP_EVERY`, `ORDER_HICCUP_SEED`. */
export function serviceOptionsFrom(environment: NodeJS.ProcessEnv): ServiceOptions {
  return {
    unitsPerSku: wholeNumber(environment, 'ORDER_UNITS_PER_SKU'),
    creditCents: wholeNumber(environment, 'ORDER_CREDIT_CENTS'),
    hiccups: {
      everyNth: wholeNumber(environment, 'ORDER_HICCUP_EVERY') ?? 0,
      seed: wholeNumber(environment, 'ORDER_HICCUP_SEED'),
    },
  };
}

/** A service as the environment describes it, for a worker's module. */
export async function serviceFromEnvironment(
  service: ServiceName,
): Promise<{ readonly implementations: readonly StepImplementation[]; readonly close: () => Promise<void> }> {
  const options = serviceOptionsFrom(process.env);
  const database = await openServiceDatabase(service, databaseOptions(service, locationFrom(process.env)));
  try {
    return { implementations: [await openService(service, database, options)], close: () => database.close() };
  } catch (error) {
    await database.close();
    throw error;
  }
}
