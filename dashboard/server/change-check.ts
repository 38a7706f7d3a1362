import type { Request, RequestHandler } from 'express';
import { refuse } from './refusal.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/** Whether a browser says that a page of another site, or of another port here, sends this. Programs that aren't browsers say nothing. */
function isForeign({ headers, host }: Request): boolean {
  const site = headers['sec-fetch-site'];
  // Browsers let no page set this one, and a proxy can't make it wrong by rewriting the host.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = headers;
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host;
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** Lets nothing change that a foreign page asks for: a browser adds a remembered password, or the right to reach loopback, by itself. */
export function checkChanges(): RequestHandler {
  return (request, response, next) => {
    if (SAFE.has(request.method)) next();
    else if (isForeign(request)) refuse(response, 403, 'a page of another origin asked for this: do it in the dashboard itself');
    else if (hasBody(request) && request.is('application/json') === false) refuse(response, 415, 'send the body as application/json');
    else next();
  };
}
