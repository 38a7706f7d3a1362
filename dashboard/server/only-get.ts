import type { RequestHandler } from 'express';
import { refuse } from './refusal.ts';

export const onlyGet: RequestHandler = (request, response, next) => {
  if (request.method === 'GET' || request.method === 'HEAD') next();
  else refuse(response.set('Allow', 'GET, HEAD'), 405, `this can only be read: ${request.method} does nothing here`);
};
