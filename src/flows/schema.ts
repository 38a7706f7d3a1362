import type { StandardSchemaV1 } from '@standard-schema/spec';
import { AmendsError, type ErrorCode } from '../errors.ts';

/** Any Standard Schema (https://standardschema.dev); zod is the documented one. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of a generic: nothing is ever read through it
export type Schema<In = any, Out = any> = StandardSchemaV1<In, Out>;
export type InputOf<S extends Schema> = StandardSchemaV1.InferInput<S>;
export type OutputOf<S extends Schema> = StandardSchemaV1.InferOutput<S>;

/** Flattens an intersection for display in an editor. */
export type Show<T> = { [K in keyof T]: T[K] } & {};
export type Awaitable<T> = T | PromiseLike<T>;

export function isSchema(value: unknown): value is Schema {
  return value !== null && (typeof value === 'object' || typeof value === 'function') && '~standard' in value;
}

function pathOf(issue: StandardSchemaV1.Issue): string {
  return (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.');
}

/**
 * Parses `value`, or throws one error that lists every issue with its path. A promise only where the schema gives one: each step passes here
 * twice, and most schemas answer at once.
 *
 * @throws {AmendsError} with `code`; `details.issues` is a list of `{ path, message }`
 */
export function parseWith<S extends Schema>(
  schema: S,
  value: unknown,
  what: string,
  code: ErrorCode = 'INVALID_INPUT',
): OutputOf<S> | Promise<OutputOf<S>> {
  const parsing = schema['~standard'].validate(value);
  if ('then' in parsing) return Promise.resolve(parsing).then((outcome) => parsedIn(outcome, what, code));
  return parsedIn(parsing, what, code);
}

function parsedIn<Out>(outcome: StandardSchemaV1.Result<Out>, what: string, code: ErrorCode): Out {
  if (outcome.issues === undefined) return outcome.value;
  const issues = outcome.issues.map((issue) => ({ path: pathOf(issue), message: issue.message }));
  const list = issues.map(({ path, message }) => (path === '' ? message : `${path}: ${message}`)).join('; ');
  throw new AmendsError(code, `${what} does not fit its schema: ${list}`, { details: { issues } });
}
