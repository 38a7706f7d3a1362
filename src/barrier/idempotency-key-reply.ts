import type { OutgoingHttpHeader, ServerResponse } from 'node:http';

/** A reply as it is kept for a retry. */
export interface KeptReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body: Buffer;
}

const HEADERS = [
  'content-type',
  'content-encoding',
  'content-language',
  'content-disposition',
  'location',
  'etag',
  'last-modified',
  'link',
  'vary',
];

/** The headers that a retry gets too. Never a cookie, unless it is asked for. */
export function keptHeaders(res: ServerResponse, more: readonly string[]): KeptReply['headers'] {
  const kept: Record<string, string | readonly string[]> = {};
  for (const name of [...HEADERS, ...more]) {
    const value = res.getHeader(name);
    if (value !== undefined) kept[name.toLowerCase()] = typeof value === 'number' ? String(value) : value;
  }
  return kept;
}

export function replay(res: ServerResponse, { status, headers, body }: KeptReply): void {
  res.statusCode = status;
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.setHeader('Idempotent-Replayed', 'true');
  if (status === 204 || status === 304) return void res.end();
  res.setHeader('Content-Length', body.length);
  res.end(body);
}

type Callback = (error?: Error | null) => void;
type Chunk = string | Uint8Array;

function argumentsOf(rest: readonly unknown[]): { readonly encoding: BufferEncoding; readonly callback: Callback | undefined } {
  const encoding = rest.find((value): value is BufferEncoding => typeof value === 'string') ?? 'utf8';
  return { encoding, callback: rest.find((value): value is Callback => typeof value === 'function') };
}

function entriesOf(headers: unknown): [string, OutgoingHttpHeader][] {
  if (headers === null || typeof headers !== 'object') return [];
  if (!Array.isArray(headers)) return Object.entries(headers as Record<string, OutgoingHttpHeader>);
  const flat = headers.flat() as OutgoingHttpHeader[]; // node takes [name, value, …] and [[name, value], …]
  return flat.flatMap((value, i) => (i % 2 === 0 ? [[String(value), flat[i + 1]!] as [string, OutgoingHttpHeader]] : []));
}

/**
 * Holds a reply back until `settle` is done with it, so that what the caller gets is kept before it gets it. A body above `maxBytes` goes
 * through as it comes, all but its end, and `settle` is called with `undefined`.
 */
export function holdReply(res: ServerResponse, maxBytes: number, settle: (body: Buffer | undefined) => Promise<void>): void {
  const write = res.write.bind(res) as (chunk: Chunk, callback?: Callback) => boolean;
  const end = res.end.bind(res);
  const writeHead = res.writeHead.bind(res);
  let held: Buffer[] = [];
  let bytes = 0;
  let passing = false;
  let ended = false;

  const take = (chunk: Chunk, encoding: BufferEncoding, callback?: Callback): boolean => {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
    bytes += buffer.length;
    if (!passing && bytes <= maxBytes) {
      held.push(buffer);
      if (callback !== undefined) process.nextTick(callback);
      return true;
    }
    passing = true;
    for (const before of held) write(before);
    held = [];
    return write(buffer, callback);
  };

  // Headers that are given here alone would not be among those that can be read.
  res.writeHead = (status: number, ...rest: unknown[]) => {
    const reason = typeof rest[0] === 'string' ? rest[0] : undefined;
    for (const [name, value] of entriesOf(rest[reason === undefined ? 0 : 1])) res.setHeader(name, value);
    return reason === undefined ? writeHead(status) : writeHead(status, reason);
  };

  res.write = ((chunk: Chunk, ...rest: unknown[]) => {
    const { encoding, callback } = argumentsOf(rest);
    return ended ? false : take(chunk, encoding, callback);
  }) as typeof res.write;

  res.end = ((...args: unknown[]) => {
    if (ended) return res;
    const [chunk] = args;
    const { encoding, callback } = argumentsOf(args.slice(1));
    const done = typeof chunk === 'function' ? (chunk as Callback) : callback;
    if (typeof chunk === 'string' || chunk instanceof Uint8Array) take(chunk, encoding);
    ended = true;
    const empty = res.statusCode === 204 || res.statusCode === 304;
    if (!res.headersSent) {
      if (!empty && !passing && !res.hasHeader('content-length') && !res.hasHeader('transfer-encoding'))
        res.setHeader('Content-Length', bytes);
      // Whoever looks now sees that it is answered: an error handler must not put its own reply into this one.
      res.writeHead(res.statusCode);
    }
    void settle(passing ? undefined : Buffer.concat(held)).finally(() => {
      for (const buffer of held) write(buffer);
      end(done);
    });
    return res;
  }) as typeof res.end;
}
