import { STATUS_CODES } from 'node:http';
import type { RequestHandler, Response } from 'express';

const ofApi = new WeakSet<Response>();

/** Marks the requests of the JSON API, whose refusals have a shape of their own. */
export const markApi: RequestHandler = (request, response, next) => {
  if (request.path.startsWith('/api/') || request.path === '/events') ofApi.add(response);
  next();
};

/** Answers with an error that says what to do: to the API as its contract has it, else in the shape that Bull Board's pages show. */
export function refuse(response: Response, status: number, message: string, code = `HTTP_${status}`): void {
  response
    .status(status)
    .set('Cache-Control', 'no-store')
    .json(ofApi.has(response) ? { error: { code, message } } : { error: STATUS_CODES[status] ?? String(status), message });
}
