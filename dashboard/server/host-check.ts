import type { RequestHandler } from 'express';
import { bareHost } from './options.ts';
import { refuse } from './refusal.ts';

/**
 * Refuses requests for host names that are not ours. A page of a stranger can point its own name at 127.0.0.1 and would then be of the same
 * origin as the dashboard (DNS rebinding); its browser still says which name it asked for.
 */
export function checkHost(hosts: ReadonlySet<string>): RequestHandler {
  return (request, response, next) => {
    // Not `request.host`: behind `trust proxy` that is what the client says.
    const name = bareHost((request.headers.host ?? '').replace(/:\d*$/, ''));
    if (hosts.has(name)) next();
    else refuse(response, 421, 'this dashboard does not answer under that host name: use its address, or name the host in allowedHosts');
  };
}
