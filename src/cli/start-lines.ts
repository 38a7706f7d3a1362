import type { Amends } from '../amends.ts';
import { AmendsError, isAmendsError, type ErrorCode } from '../errors.ts';
import type { AnyDefinition } from '../flows/definition.ts';
import { eachInFlight } from './in-flight.ts';
import { readJsonLinesOf, type JsonLine } from './json-lines.ts';
import { printable } from '../operations/printable.ts';

export interface StartLinesOptions {
  readonly amends: Pick<Amends, 'start'>;
  readonly saga: AnyDefinition;
  /** Path of a file; `-`: standard input. */
  readonly input: string;
  /** Field that makes the id; `undefined`: random ids. */
  readonly idField: string | undefined;
  readonly tagFields: readonly string[];
  readonly inFlight: number;
  readonly wait: boolean;
  /** Stops taking lines, and waiting. */
  readonly signal: AbortSignal;
}

export interface StartTotals {
  started: number;
  rejected: number;
  completed: number;
  compensated: number;
  stuck: number;
  terminated: number;
  /** Of a TCC, in place of completed and compensated. */
  confirmed?: number;
  cancelled?: number;
  /** Started, and not waited for to the end because of a signal. */
  open: number;
}

/** What became of a line. */
export type StartedLine =
  | { readonly line: number; readonly status: 'rejected'; readonly code: string; readonly error: string }
  | { readonly line: number; readonly status: 'started' | 'completed' | 'confirmed'; readonly id: string }
  | {
      readonly line: number;
      readonly status: 'compensated' | 'cancelled' | 'stuck' | 'terminated';
      readonly id: string;
      readonly error: string;
    };

/** Errors of one line: the others go on. Any other error is about the store or the saga, and ends the run. */
const OF_A_LINE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'INVALID_INPUT',
  'INVALID_ID',
  'PAYLOAD_NOT_JSON',
  'PAYLOAD_TOO_LARGE',
  'TRANSACTION_CONFLICT',
]);

/** Whether an error is about what is started, and not about where. */
export function isRejection(error: unknown): error is AmendsError {
  return isAmendsError(error) && OF_A_LINE.has(error.code);
}

function field(value: unknown, name: string): unknown {
  return value !== null && typeof value === 'object' && Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined;
}

function idOf({ saga, idField }: StartLinesOptions, value: unknown): string | undefined {
  if (idField === undefined) return undefined;
  const id = field(value, idField);
  if ((typeof id === 'string' && id !== '') || typeof id === 'number') return `${saga.name}-${id}`;
  throw new AmendsError('INVALID_INPUT', `its field ${printable(idField)}, which makes the id, is no text and no number`);
}

/** A field that isn't there gives no tag. */
function tagsOf({ tagFields }: StartLinesOptions, value: unknown): Record<string, string> {
  const tags = tagFields.flatMap((name): [string, string][] => {
    const tag = field(value, name);
    if (tag === undefined || tag === null) return [];
    if (typeof tag === 'string' || typeof tag === 'number' || typeof tag === 'boolean') return [[name, String(tag)]];
    throw new AmendsError('INVALID_INPUT', `its field ${printable(name)} is a list or an object: it can't be a tag`);
  });
  return Object.fromEntries(tags);
}

/** Starts a saga for each line, streaming. Tells about each line once, when it is started or, with `wait`, when it has ended. */
export async function startLines(
  options: StartLinesOptions,
  report: (line: StartedLine) => Promise<void>,
  onProgress: (totals: StartTotals, bytes: number) => void = () => undefined,
): Promise<StartTotals> {
  const { amends, saga, signal } = options;
  const totals: StartTotals = { started: 0, rejected: 0, completed: 0, compensated: 0, stuck: 0, terminated: 0, open: 0 };

  const reject = async (line: number, code: string, error: string): Promise<void> => {
    totals.rejected++;
    await report({ line, status: 'rejected', code, error });
  };
  const run = async ({ line, value }: { readonly line: number; readonly value: unknown }): Promise<void> => {
    const id = idOf(options, value);
    const how = { tags: tagsOf(options, value), ...(id === undefined ? {} : { id }) };
    const started = await (saga.kind === 'saga' ? amends.start(saga, value, how) : amends.start(saga, value, how));
    totals.started++;
    if (!options.wait) return report({ line, status: 'started', id: started.id });
    try {
      const outcome = await started.outcome({ signal });
      totals[outcome.status] = (totals[outcome.status] ?? 0) + 1;
      if (outcome.status === 'completed' || outcome.status === 'confirmed')
        return await report({ line, status: outcome.status, id: started.id });
      await report({ line, status: outcome.status, id: started.id, error: printable(outcome.reason.message) });
    } catch (error) {
      const done = saga.kind === 'saga' ? 'completed' : 'confirmed';
      if (isAmendsError(error, 'OUTPUT_FAILED'))
        totals[done] = (totals[done] ?? 0) + 1; // every effect is there; only the answer is not
      else if (signal.aborted) totals.open++;
      else throw error;
      await report({ line, status: signal.aborted ? 'started' : done, id: started.id });
    }
  };
  const take = async (entry: JsonLine): Promise<void> => {
    try {
      if ('problem' in entry) await reject(entry.line, 'INVALID_INPUT', entry.problem);
      else await run(entry);
    } catch (error) {
      if (!isRejection(error)) throw error;
      await reject(entry.line, error.code, printable(error.message));
    }
    onProgress(totals, entry.bytes);
  };

  await eachInFlight(readJsonLinesOf(options.input, signal), options.inFlight, take);
  return totals;
}
