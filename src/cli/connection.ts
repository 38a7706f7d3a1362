import { existsSync } from 'node:fs';
import type { Amends } from '../amends.ts';
import { AmendsError, isAmendsError } from '../errors.ts';
import type { GlobalOptions } from './options.ts';
import { printable } from '../operations/printable.ts';

export interface ConnectionSettings {
  /** Level of the log on stderr unless AMENDS_LOG_LEVEL says otherwise. */
  readonly logLevel?: string;
  /** Creates or updates our tables. Commands that only look or steer leave that to `amends migrate` and the workers. */
  readonly migrate?: boolean;
  /** Looks at what is there: an embedded store that isn't is not made. */
  readonly existing?: boolean;
}

const DEFAULT_FOLDER = '.amends';

/** What `connect` is to be given: an empty URL is the embedded store, whatever AMENDS_URL says. */
export function storeUrl({ url, folder }: GlobalOptions): string {
  if (url !== undefined && url !== '' && folder !== undefined) {
    throw new AmendsError(
      'INVALID_OPTION',
      '--url and --folder exclude each other: --folder is where the embedded store is, which needs no URL',
    );
  }
  if (url !== undefined) return url;
  return folder === undefined ? (process.env.AMENDS_URL ?? '') : '';
}

function lockedHint(error: AmendsError): AmendsError {
  return new AmendsError(
    'STORE_LOCKED',
    `${error.message}; to look at it while that process runs, use the dashboard there (amends demo --dashboard), or a store that many can share: AMENDS_URL=redis://… or postgres://…`,
    { cause: error },
  );
}

/** Connects as the options say. The caller closes. */
export async function open(options: GlobalOptions, settings: ConnectionSettings = {}): Promise<Amends> {
  const url = storeUrl(options);
  const folder = options.folder ?? DEFAULT_FOLDER;
  if (url === '' && settings.existing === true && !existsSync(folder)) {
    throw new AmendsError(
      'STORE_UNREACHABLE',
      `there is no embedded store in ${printable(folder)}/: give its --folder, or set AMENDS_URL to the store that your workers use`,
    );
  }
  // Loaded here and not above: --help need not wait for every driver.
  const [{ connect }, { defaultLogger }] = await Promise.all([import('../amends.ts'), import('../telemetry/logger.ts')]);
  try {
    return await connect(url, {
      folder,
      migrate: settings.migrate ?? true,
      logger: defaultLogger(process.env.AMENDS_LOG_LEVEL ?? settings.logLevel),
      ...(options.namespace === undefined ? {} : { namespace: options.namespace }),
      ...(options.shards === undefined ? {} : { shards: options.shards }),
    });
  } catch (error) {
    throw settings.existing === true && isAmendsError(error, 'STORE_LOCKED') ? lockedHint(error) : error;
  }
}

/** Connects, works, closes. */
export async function using<T>(options: GlobalOptions, settings: ConnectionSettings, work: (amends: Amends) => Promise<T>): Promise<T> {
  const amends = await open(options, settings);
  try {
    return await work(amends);
  } finally {
    await amends.close();
  }
}

/** For commands that look at a store or steer what runs in it. */
export const LOOK: ConnectionSettings = { logLevel: 'error', migrate: false, existing: true };

/** The store's time, by which everything in it is dated: this machine's clock may be off. */
export async function storeTimeMs(amends: Amends): Promise<number> {
  const { engineOf } = await import('../amends.ts');
  return engineOf(amends).clock.nowMs();
}
