import type { StepContext } from '../flows/step.ts';
import { RequestProblem } from './idempotency-key-problem.ts';

const LONGEST = 255;
/** A string of RFC 8941: quoted, with `\"` and `\\`; parameters behind it are for others. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"(?: *;.*)?$/;
/** What many clients send, and what needs no quotes: the keys of Amends among it. A comma would be a second header. */
const BARE = /^[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]+$/;

function malformed(problem: string): never {
  throw new RequestProblem(
    400,
    'INVALID_INPUT',
    'The Idempotency-Key is malformed',
    `${problem}: send one key of 1 to ${LONGEST} visible ASCII characters, quoted as "…"`,
  );
}

/**
 * The key in the header `Idempotency-Key`: `"quoted"` as the IETF draft has it (draft-ietf-httpapi-idempotency-key-header), or bare.
 *
 * @throws {RequestProblem} 400
 */
export function parseIdempotencyKey(header: string | readonly string[] | undefined): string {
  if (header === undefined) {
    throw new RequestProblem(
      400,
      'INVALID_INPUT',
      'The Idempotency-Key is missing',
      'this operation must not be done twice: send a header Idempotency-Key with a value that is unique for it, and the same at every retry',
    );
  }
  const text = (typeof header === 'string' ? header : header.join(', ')).trim();
  // Twice what is allowed when every character is escaped, and some parameters.
  if (text.length > 4 * LONGEST) malformed('it is too long');
  const quoted = QUOTED.exec(text)?.[1]?.replace(/\\(["\\])/g, '$1');
  const key = quoted ?? (BARE.test(text) ? text : malformed('it is neither a quoted string nor a plain token'));
  if (key === '') malformed('it is empty');
  if (key.length > LONGEST) malformed(`it has ${key.length} characters`);
  return key;
}

/**
 * The header with which a step calls an HTTP participant: the same at every delivery of the operation.
 *
 * @example run: (context) => fetch(url, { method: 'POST', headers: idempotencyHeaders(context), body, signal: context.signal }),
 */
export function idempotencyHeaders({ idempotencyKey }: Pick<StepContext<unknown>, 'idempotencyKey'>): {
  readonly 'Idempotency-Key': string;
} {
  return { 'Idempotency-Key': `"${idempotencyKey.replace(/["\\]/g, '\\$&')}"` };
}
