import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { engineOf, type Amends } from '../../src/amends.ts';
import { AmendsError } from '../../src/errors.ts';
import { checkHost } from './host-check.ts';
import { isLoopback, resolveServerOptions, type ServerOptions, type StartDashboardOptions } from './options.ts';
import { openRouter } from './router.ts';
import { markApi } from './refusal.ts';
import { strictHeaders } from './security-headers.ts';

/** How long requests in work may go on when the dashboard closes, in milliseconds. */
const GRACE_MS = 2_000;

export interface Dashboard extends AsyncDisposable {
  readonly url: string;
  /** Ends the requests in work within 2 s, and all connections. The connection to the store stays open. Idempotent. */
  close(): Promise<void>;
}

const LISTEN_ADVICE: Readonly<Record<string, string>> = {
  EADDRINUSE: 'something listens there already: give another port, or 0 for any free one',
  EACCES: 'this user may not listen there: give a port from 1024',
  EADDRNOTAVAIL: 'this machine has no such address: give one of its own, or leave host out for 127.0.0.1',
  ENOTFOUND: 'that host name is not known: give an address of this machine, or leave host out for 127.0.0.1',
};

function listen(server: Server, { host, port }: ServerOptions): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const advice = LISTEN_ADVICE[error.code ?? ''] ?? error.message;
      reject(
        new AmendsError('INVALID_OPTION', `dashboard: can't listen on port ${port} of ${host}: ${advice}`, {
          cause: error,
          details: { host, port },
        }),
      );
    });
    server.listen(port, host, () => {
      server.removeAllListeners('error');
      resolve(server.address() as AddressInfo);
    });
  });
}

/** One that can be opened: the address that means "all of them" can't. */
function urlOf({ address, port }: AddressInfo): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** A connection that a client keeps after its last answer would hold a server that is closing. */
function releaseConnections(server: Server): void {
  server.on('request', (_request, response) => {
    response.on('close', () => {
      // Only in the next turn is the connection idle.
      if (!server.listening) setImmediate(() => server.closeIdleConnections());
    });
  });
}

async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const impatience = setTimeout(() => server.closeAllConnections(), GRACE_MS);
  await closed;
  clearTimeout(impatience);
}

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
  const app = express().disable('x-powered-by');
  app.use(strictHeaders, markApi);
  if (resolved.hosts !== undefined) app.use(checkHost(resolved.hosts));
  const opened = await openRouter(amends, resolved.console);
  app.use(opened.router);
  const server = createServer(app);
  releaseConnections(server);
  const address = await listen(server, resolved).catch(async (error: unknown) => {
    await opened.close();
    throw error;
  });
  server.on('error', (error) => log.error({ err: error }, 'dashboard server'));
  const url = urlOf(address);
  if (!isLoopback(resolved.host)) log.warn(`the dashboard at ${url} speaks plain HTTP: put a proxy with TLS in front of it`);
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= Promise.all([closeServer(server), opened.close()]).then(() => undefined));
  return { url, close, [Symbol.asyncDispose]: close };
}
