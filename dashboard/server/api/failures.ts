import type { ErrorRequestHandler } from 'express';
import type { Logger } from 'pino';
import { AmendsError, type ErrorCode } from '../../../src/errors.ts';
import { refuse } from '../refusal.ts';

const STATUSES: Readonly<Partial<Record<ErrorCode, number>>> = {
  TRANSACTION_NOT_FOUND: 404,
  STREAM_NOT_FOUND: 404,
  WRONG_EXPECTED_VERSION: 409,
  NOT_ALLOWED: 409,
  UNKNOWN_DEFINITION: 409,
  INVALID_OPTION: 400,
  INVALID_INPUT: 400,
  INVALID_ID: 400,
  PAYLOAD_NOT_JSON: 400,
  PAYLOAD_TOO_LARGE: 413,
  STORE_UNREACHABLE: 503,
  CLOSED: 503,
};

/** Answers what our own errors say; others are Express' or a fault. */
export function answerFailures(log: Logger): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    const status = error instanceof AmendsError ? STATUSES[error.code] : undefined;
    if (response.headersSent || !(error instanceof AmendsError) || status === undefined) {
      next(error);
      return;
    }
    if (status === 503) log.warn({ err: error, path: request.path }, 'dashboard: the store is away');
    refuse(response, status, status === 503 ? 'the store does not answer: try again in a while' : error.message, error.code);
  };
}
