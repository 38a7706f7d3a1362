import { request as requestHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP } from 'node:net';
import { AmendsError } from '../../errors.ts';
import { isPublic, publicLookup, refused } from './addresses.ts';

export interface Post {
  readonly url: URL;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Also to addresses that are not public. */
  readonly allowPrivate: boolean;
  /** For all of it, in milliseconds. */
  readonly timeoutMs: number;
}

/** What is read of an answer, which nobody needs: enough for a connection to end in good order. Never unpacked. */
const MOST_READ_BYTES = 65_536;

function bareHost({ hostname }: URL): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}

/**
 * Sends JSON and gives the status. It follows no redirect, and goes nowhere but to the public internet unless it is told to: by the address that
 * is connected to, not by the name.
 *
 * @throws {AmendsError} NOT_ALLOWED when the address is private; STORE_UNREACHABLE never; network errors as they are
 */
export function post({ url, body, headers, allowPrivate, timeoutMs }: Post): Promise<number> {
  const host = bareHost(url);
  // A literal address is not looked up.
  if (!allowPrivate && isIP(host) !== 0 && !isPublic(host)) return Promise.reject(refused(host, true));
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      method: 'POST',
      agent: false,
      headers: {
        ...headers,
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
        'Accept-Encoding': 'identity',
        'User-Agent': 'amends',
      },
      signal: AbortSignal.timeout(timeoutMs),
      ...(allowPrivate ? {} : { lookup: publicLookup }),
    };
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, options, (response: IncomingMessage) => {
      const status = response.statusCode ?? 0;
      let read = 0;
      response.on('data', (part: Buffer) => {
        read += part.length;
        if (read > MOST_READ_BYTES) response.destroy();
      });
      response.on('error', () => undefined); // the status is all that counts
      // Also of one that was cut off, or that never ends: the time for all of it is up one day.
      response.on('close', () => resolve(status));
    });
    request.on('error', (error) => {
      const late = error.name === 'AbortError' || error.name === 'TimeoutError';
      reject(late ? new AmendsError('OUTCOME_TIMEOUT', `no answer within ${timeoutMs} ms`, { cause: error }) : error);
    });
    request.end(body);
  });
}
