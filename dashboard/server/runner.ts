import express from 'express';
import { engineOf, type Amends } from '../../src/amends.ts';
import { Access } from './access.ts';
import { authenticate } from './authentication.ts';
import { checkHost } from './host-check.ts';
import { live, ready } from './live.ts';
import { metrics } from './metrics.ts';
import { resolveServerOptions, type StartDashboardOptions } from './options.ts';
import { queueProbe } from './queue-probe.ts';
import { refuse } from './refusal.ts';
import { onlyGet } from './only-get.ts';
import { strictHeaders } from './security-headers.ts';
import { serve, type Served } from './listener.ts';

export interface RunnerOptions extends StartDashboardOptions {
  /** What speaks against giving this process work; empty: nothing. */
  readonly notReady: () => readonly string[];
}

/**
 * Serves what a worker process tells of itself: `/livez`, `/readyz` and, for who may see it, `/metrics`. The same rules as for the dashboard: on
 * this machine only, unless `host` says otherwise; then who may see it must be configured.
 *
 * @throws {AmendsError} INVALID_OPTION, STORE_UNREACHABLE
 */
export async function startRunner(amends: Amends, { notReady, ...options }: RunnerOptions): Promise<Served> {
  const resolved = resolveServerOptions(options);
  const engine = engineOf(amends);
  const probes = { journal: () => engine.journal.timeMs(), queue: await queueProbe(engine) };
  const app = express().disable('x-powered-by').set('trust proxy', resolved.trustProxy);
  app.use(strictHeaders);
  if (resolved.hosts !== undefined) app.use(checkHost(resolved.hosts));
  app.all('/livez', onlyGet, live);
  app.all('/readyz', onlyGet, ready(probes, engine.log, notReady));
  const access = new Access(resolved.console.access);
  if (resolved.console.logins !== undefined) app.use(authenticate(resolved.console.logins, access));
  app.all(
    '/metrics',
    onlyGet,
    access.require(() => 'view'),
    metrics(engine),
  );
  app.use((request, response) => refuse(response, 404, `there is nothing at ${request.path}`));
  const served = await serve(app, resolved, engine.log);
  engine.log.info({ url: served.url }, 'serves /livez, /readyz and /metrics');
  return served;
}
