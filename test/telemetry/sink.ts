import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Alert } from '../../src/telemetry/alerts/alert.ts';

export const SECRET = 'a-secret-of-this-test-alone';

/** As the README tells receivers to check it. */
export function isSigned(headers: IncomingMessage['headers'], body: string): boolean {
  const [, seconds, signature] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['amends-signature'])) ?? [];
  if (seconds === undefined || Math.abs(Date.now() / 1_000 - Number(seconds)) > 300) return false;
  return timingSafeEqual(Buffer.from(signature!, 'hex'), createHmac('sha256', SECRET).update(`${seconds}.${body}`).digest());
}

interface Received extends Alert {
  readonly delivery: string;
  readonly receivedAtMs: number;
}

export interface Sink {
  readonly url: string;
  readonly alerts: readonly Received[];
  /** What came and was not signed by us. */
  readonly forged: number;
  /** How many more requests are answered with 503. */
  failing: number;
  close(): Promise<void>;
}

export interface HttpServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function httpServer(answer: (request: IncomingMessage, response: ServerResponse, body: string) => void): Promise<HttpServer> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A receiver of the webhook, that checks what it gets. */
export async function alertSink(): Promise<Sink> {
  const alerts: Received[] = [];
  const sink = { url: '', alerts, forged: 0, failing: 0, close: () => Promise.resolve() };
  const server = await httpServer((request, response, body) => {
    if (!isSigned(request.headers, body)) sink.forged++;
    else if (sink.failing > 0) sink.failing--;
    else {
      alerts.push({ ...(JSON.parse(body) as Alert), delivery: String(request.headers['amends-delivery']), receivedAtMs: Date.now() });
      response.writeHead(204).end();
      return;
    }
    response.writeHead(503).end();
  });
  return Object.assign(sink, server);
}
