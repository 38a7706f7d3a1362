import { STATUS_CODES } from 'node:http';
import type { Response } from 'express';

/** Answers with an error that says what to do. The shape is the one that Bull Board's pages show. */
export function refuse(response: Response, status: number, message: string): void {
  response
    .status(status)
    .set('Cache-Control', 'no-store')
    .json({ error: STATUS_CODES[status] ?? String(status), message });
}
