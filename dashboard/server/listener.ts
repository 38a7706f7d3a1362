import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Express } from 'express';
import type { Logger } from 'pino';
import { AmendsError } from '../../src/errors.ts';
import type { ServerOptions } from './options.ts';

/** How long requests in work may go on when the dashboard closes, in milliseconds. */
const GRACE_MS = 2_000;

export interface Served extends AsyncDisposable {
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

/** Listens, and closes within its grace. */
export async function serve(app: Express, options: ServerOptions, log: Logger): Promise<Served> {
  const server = createServer(app);
  releaseConnections(server);
  const address = await listen(server, options);
  server.on('error', (error) => log.error({ err: error }, 'dashboard server'));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= closeServer(server));
  return { url: urlOf(address), close, [Symbol.asyncDispose]: close };
}
