import { types } from 'node:util';
import { withoutStack } from '../errors.ts';
import type { ErrorData } from './state.ts';

const NAME_LIMIT = 100;
const MESSAGE_LIMIT = 2_000;
const STACK_LIMIT = 4_000;
const CAUSES = 5;

/** Cut to a length, on whole characters: SQL stores refuse half of a surrogate pair. */
function cut(text: string, limit: number): string {
  if (text.length <= limit) return text;
  return `${text.slice(0, limit).replace(/[\ud800-\udbff]$/, '')}… (${text.length} characters)`;
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value); // cyclic, BigInt, a toJSON that throws
  }
}

/** Also an error of another realm, as test runners and `node:vm` make them, which is not `instanceof` our `Error`. */
function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

function dataOf(thrown: unknown): ErrorData {
  if (!isError(thrown)) return { name: 'NonError', message: cut(`threw ${textOf(thrown)}`, MESSAGE_LIMIT) };
  const messages: string[] = [];
  for (let error: unknown = thrown, depth = 0; isError(error) && depth < CAUSES; error = error.cause, depth++) {
    messages.push(textOf(error.message));
  }
  const { code } = thrown as { code?: unknown };
  return {
    name: cut(textOf(thrown.name), NAME_LIMIT),
    message: cut(messages.filter((message) => message !== '').join(': caused by '), MESSAGE_LIMIT),
    ...(typeof code === 'string' ? { code: cut(code, NAME_LIMIT) } : {}),
    ...(typeof thrown.stack === 'string' ? { stack: cut(thrown.stack, STACK_LIMIT) } : {}),
  };
}

/** Any thrown value as bounded data: the message carries the chain of causes. Never throws itself. */
export function errorData(thrown: unknown): ErrorData {
  try {
    return dataOf(thrown);
  } catch {
    return { name: 'NonError', message: 'threw something that throws when it is looked at' }; // a getter, a revoked proxy
  }
}

/** The error back as an `Error`, for `cause` and `reason`. */
export function errorFrom(data: ErrorData): Error {
  const error = withoutStack(() => new Error(data.message));
  error.name = data.name;
  if (data.stack !== undefined) error.stack = data.stack;
  if (data.code !== undefined) Object.assign(error, { code: data.code });
  return error;
}
