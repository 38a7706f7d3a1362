import type { ServerResponse } from 'node:http';
import { AmendsError, type ErrorCode } from '../errors.ts';

/** Why a request is not carried out, as RFC 9457 has it. Express' own error handler answers with its `status` too. */
export class RequestProblem extends AmendsError {
  readonly status: number;
  readonly title: string;

  constructor(status: number, code: ErrorCode, title: string, detail: string, options: { readonly cause?: unknown } = {}) {
    super(code, detail, { cause: options.cause, details: { status } });
    this.name = 'RequestProblem';
    this.status = status;
    this.title = title;
  }
}

/** Another request with the key is being carried out. */
export function inProgress(cause?: unknown): RequestProblem {
  const detail = 'a request with this Idempotency-Key is being carried out: send it again a little later';
  return new RequestProblem(409, 'BARRIER_IN_PROGRESS', 'The request is in progress', detail, { cause });
}

/** The key came before with another request. */
export function mismatch(cause?: unknown): RequestProblem {
  const detail = 'this Idempotency-Key came before with another method, URL or body: take a new key for a new operation';
  return new RequestProblem(422, 'BARRIER_MISMATCH', 'The Idempotency-Key is already used', detail, { cause });
}

/** The body of a problem, as JSON. */
export function problemJson({ status, title, code, message }: RequestProblem): string {
  return JSON.stringify({ type: 'about:blank', title, status, detail: message, code });
}

export function sendProblem(res: ServerResponse, problem: RequestProblem): void {
  const body = problemJson(problem);
  res.statusCode = problem.status;
  res.setHeader('Content-Type', 'application/problem+json');
  res.setHeader('Content-Length', Buffer.byteLength(body));
  res.setHeader('Cache-Control', 'no-store');
  if (problem.status === 409) res.setHeader('Retry-After', '1');
  // What was not read of the body is not waited for.
  if (problem.status === 413) res.setHeader('Connection', 'close');
  res.end(body);
}
