import express from 'express';
import { engineOf, type Amends } from '../../src/amends.ts';
import { checkHost } from './host-check.ts';
import { serve, type Served } from './listener.ts';
import { isLoopback, resolveServerOptions, type StartDashboardOptions } from './options.ts';
import { openRouter } from './router.ts';
import { markApi } from './refusal.ts';
import { strictHeaders } from './security-headers.ts';

export type Dashboard = Served;

/**
 * Serves the dashboard: the console at `/`, its API at `/api/v1`, Bull Board at `/queues`, `/healthz`. On this machine only, unless `host` says otherwise; then
 * who may use it must be configured.
 *
 * @throws {AmendsError} INVALID_OPTION (others could reach it and `auth` is missing; the port is taken), STORE_UNREACHABLE
 * @example const dashboard = await startDashboard(amends, { port: 0 }); console.log(dashboard.url);
 */
export async function startDashboard(amends: Amends, options: StartDashboardOptions = {}): Promise<Dashboard> {
  const resolved = resolveServerOptions(options);
  const { log } = engineOf(amends);
  const app = express().disable('x-powered-by').set('trust proxy', resolved.trustProxy);
  app.use(strictHeaders, markApi);
  if (resolved.hosts !== undefined) app.use(checkHost(resolved.hosts));
  const opened = await openRouter(amends, resolved.console);
  app.use(opened.router);
  const served = await serve(app, resolved, log).catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });
  if (!isLoopback(resolved.host)) log.warn(`the dashboard at ${served.url} speaks plain HTTP: put a proxy with TLS in front of it`);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= Promise.all([served.close(), opened.close()]).then(() => undefined));
  return { url: served.url, close, [Symbol.asyncDispose]: close };
}
