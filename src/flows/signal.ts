import { AmendsError } from '../errors.ts';
import { checkName } from './names.ts';
import { isSchema, type InputOf, type OutputOf, type Schema } from './schema.ts';

/** What a saga can wait for from outside: a name and the shape of what comes with it. */
export interface Signal<Name extends string, In, Data> {
  readonly kind: 'signal';
  readonly name: Name;
  readonly data: Schema;
  readonly '~types'?: { readonly in: In; readonly data: Data };
}

/** A signal of any type. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every signal
export type AnySignal = Signal<string, any, any>;

/**
 * Declares a signal: an approval, an answer from a partner, a parcel that was scanned. A saga waits for it with `.waitFor(signal)`, and
 * `run.signal(signal, data)` sends it from any process.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example const approval = signal({ name: 'approval', data: z.object({ approvedBy: z.string() }) });
 */
export function signal<const Name extends string, S extends Schema>(options: {
  /** Unique among the steps and signals of its saga: what came with it is kept in `results` under this name. Letters, digits, `_` and `-`. */
  readonly name: Name;
  /** Parses what is sent. What it gives must be plain JSON. */
  readonly data: S;
}): Signal<Name, InputOf<S>, OutputOf<S>> {
  const name = checkName('signal', options.name) as Name;
  if (!isSchema(options.data)) {
    throw new AmendsError('INVALID_DEFINITION', `signal "${name}": give data, a schema such as z.object({ … })`);
  }
  return Object.freeze({ kind: 'signal' as const, name, data: options.data });
}
