import { AsyncLocalStorage } from 'node:async_hooks';
import type { Request, RequestHandler } from 'express';
import type { Access } from '../access.ts';

interface Asked {
  readonly request: Request;
  readonly access: Access;
}

const asked = new AsyncLocalStorage<Asked>();

/** Keeps who asks while the board answers: neither its hooks nor its adapters are told. */
export function keepAsked(access: Access): RequestHandler {
  return (request, _response, next) => asked.run({ request, access }, next);
}

/** Who asks the board now. */
export function whoAsks(): Asked {
  const found = asked.getStore();
  if (found === undefined) throw new Error('the board does something that nobody asked for');
  return found;
}
