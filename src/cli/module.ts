import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AmendsError } from '../errors.ts';
import type { StepImplementation } from '../flows/implement.ts';
import type { AnyDefinition } from '../flows/definition.ts';
import { printable } from '../operations/printable.ts';
import type { AlertOptions } from '../telemetry/alerts/options.ts';

/** What a worker's module exports. */
export interface WorkerModule {
  readonly sagas: readonly AnyDefinition[];
  readonly implementations: readonly StepImplementation[];
  /** Whom to tell when something needs a person. */
  readonly alerts: AlertOptions | undefined;
  /** Closes what the module opened. */
  close(): Promise<void>;
}

function refuse(problem: string, cause?: unknown): never {
  throw new AmendsError('INVALID_OPTION', problem, { cause });
}

function isSaga(value: unknown): value is AnyDefinition {
  return (
    value !== null &&
    typeof value === 'object' &&
    ['saga', 'tcc'].includes((value as AnyDefinition).kind) &&
    Array.isArray((value as AnyDefinition).contracts)
  );
}

function isImplementation(value: unknown): value is StepImplementation {
  return value !== null && typeof value === 'object' && 'step' in value && 'handler' in value;
}

/** The list it exports as `sagas`, TCCs among them; without one, every one among its exports. */
function sagasOf(path: string, exported: Readonly<Record<string, unknown>>): readonly AnyDefinition[] {
  const { sagas } = exported;
  const listed: readonly unknown[] | undefined = Array.isArray(sagas) ? sagas : undefined;
  if (sagas !== undefined && listed?.every(isSaga) !== true) {
    refuse(`${path}: its export "sagas" must be a list of what saga({ … }) and tcc({ … }) give`);
  }
  const found = (listed ?? Object.values(exported)).filter(isSaga);
  if (found.length === 0) refuse(`${path} exports no saga: add export const sagas = [orderSaga]`);
  return found;
}

/**
 * Imports a module of the user, by its path from the current folder.
 *
 * @throws {AmendsError} INVALID_OPTION; whatever the module throws
 */
export async function loadModule(given: string): Promise<WorkerModule> {
  const path = printable(given);
  const file = resolve(given);
  if (!existsSync(file)) refuse(`there is no file ${path}: give the path of a .js or .mjs module, from the current folder`);
  let exported: Readonly<Record<string, unknown>>;
  try {
    exported = (await import(pathToFileURL(file).href)) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ERR_UNKNOWN_FILE_EXTENSION' && /^\.[cm]?tsx?$/.test(extname(file))) {
      refuse(`${path} is TypeScript, which this Node does not load: compile it and give the .js file, or run amends under tsx`, error);
    }
    if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' || code === 'ERR_UNKNOWN_FILE_EXTENSION')
      refuse(`${path} is no module: give a .js or .mjs file`, error);
    throw error;
  }
  const sagas = sagasOf(path, exported);
  const { implementations = [], alerts, close } = exported;
  if (!Array.isArray(implementations) || !implementations.every(isImplementation)) {
    refuse(`${path}: its export "implementations" must be a list of what implement(…) and implementResource(…) give`);
  }
  if (close !== undefined && typeof close !== 'function') refuse(`${path}: its export "close" must be a function`);
  if (alerts !== undefined && (typeof alerts !== 'object' || alerts === null)) {
    refuse(`${path}: its export "alerts" must be the options of alerts: { channels: [ … ] }`);
  }
  return {
    sagas,
    implementations,
    alerts: alerts as AlertOptions | undefined,
    close: async () => {
      await (close as (() => unknown) | undefined)?.();
    },
  };
}

/** The saga of this name; of several versions the newest. */
export function sagaNamed(sagas: readonly AnyDefinition[], name: string): AnyDefinition {
  const newest = sagas.filter((saga) => saga.name === name).sort((a, b) => b.version - a.version)[0];
  if (newest !== undefined) return newest;
  const names = [...new Set(sagas.map((saga) => `"${saga.name}"`))].join(', ');
  return refuse(`the module has no saga "${printable(name)}": it has ${names}`);
}
