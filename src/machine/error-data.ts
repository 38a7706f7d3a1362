import type { ErrorData } from './state.ts';

const MESSAGE_LIMIT = 2_000;
const STACK_LIMIT = 4_000;

function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${text.length} characters)`;
}

function textOf(value: unknown): string {
  try {
    return typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
  } catch {
    return Object.prototype.toString.call(value); // cyclic, BigInt, a toJSON that throws
  }
}

/** Any thrown value as bounded data: the message carries the chain of causes. */
export function errorData(thrown: unknown): ErrorData {
  if (!(thrown instanceof Error)) return { name: 'NonError', message: cut(`threw ${textOf(thrown)}`, MESSAGE_LIMIT) };
  const messages: string[] = [];
  for (let error: unknown = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    messages.push(String(error.message));
  }
  const { code } = thrown as { code?: unknown };
  return {
    name: String(thrown.name),
    message: cut(messages.filter((message) => message !== '').join(': caused by '), MESSAGE_LIMIT),
    ...(typeof code === 'string' ? { code } : {}),
    ...(typeof thrown.stack === 'string' ? { stack: cut(thrown.stack, STACK_LIMIT) } : {}),
  };
}

/** The error back as an `Error`, for `cause` and `reason`. */
export function errorFrom(data: ErrorData): Error {
  const error = new Error(data.message);
  error.name = data.name;
  if (data.stack !== undefined) error.stack = data.stack;
  if (data.code !== undefined) Object.assign(error, { code: data.code });
  return error;
}
