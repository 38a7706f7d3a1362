import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { AmendsError, isAmendsError } from '../errors.ts';
import { hashOf, toJson } from '../flows/json.ts';
import type { BarrierCall, BarrierOp } from './call.ts';
import type { SignalledContext } from './deliver.ts';
import { parseIdempotencyKey } from './idempotency-key-header.ts';
import { RequestProblem } from './idempotency-key-problem.ts';

/** A request of Express, or of anything else on `node:http` that puts a parsed body into `body`. */
export interface HttpRequest extends IncomingMessage {
  body?: unknown;
  originalUrl?: string;
}

export interface FingerprintOptions<Request extends HttpRequest = HttpRequest> {
  /** Largest body in bytes; a larger one is answered with 413 and nothing is done. Default 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** What else than method, URL and body tells requests apart, as JSON: the uploaded files, for one. */
  readonly fingerprint?: ((req: Request) => unknown) | undefined;
}

const DEFAULT_BYTES = 1024 * 1024;

/** @throws {AmendsError} INVALID_OPTION */
export function wholeNumber(name: string, value: number, low: number): number {
  if (Number.isSafeInteger(value) && value >= low) return value;
  throw new AmendsError('INVALID_OPTION', `${name} is ${String(value)}: give a whole number from ${low}`);
}

function tooLarge(maxBytes: number): RequestProblem {
  return new RequestProblem(413, 'PAYLOAD_TOO_LARGE', 'The body is too large', `send ${maxBytes} bytes at most`);
}

/** Reads a body that nobody has parsed. Without destroying the socket: an answer is to be sent on it. */
function readBody(req: IncomingMessage, maxBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const settle = (done: () => void) => (): void => {
      req.off('data', take).off('end', end).off('error', fail).off('close', cut);
      done();
    };
    const overflow = settle(() => {
      req.resume();
      reject(tooLarge(maxBytes));
    });
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > maxBytes) overflow();
      else chunks.push(chunk);
    };
    const end = settle(() => resolve(Buffer.concat(chunks)));
    const cut = settle(() =>
      reject(new RequestProblem(400, 'INVALID_INPUT', 'The body is incomplete', 'the connection was cut in the body')),
    );
    const fail = cut;
    req.on('data', take).on('end', end).on('error', fail).on('close', cut);
  });
}

async function bodyOf(req: HttpRequest, maxBytes: number): Promise<unknown> {
  const { 'content-length': length, 'transfer-encoding': transfer, 'content-encoding': encoding = 'identity' } = req.headers;
  if (length !== undefined && Number(length) > maxBytes) throw tooLarge(maxBytes);
  if (req.body !== undefined) return req.body;
  if (transfer === undefined && (length === undefined || length === '0')) return undefined;
  if (req.readableEnded) {
    throw new AmendsError(
      'INVALID_OPTION',
      "the request's body was read and is not in req.body: put what read it behind this, or leave its content in req.body",
    );
  }
  if (encoding.toLowerCase() !== 'identity') {
    throw new RequestProblem(
      415,
      'INVALID_INPUT',
      'The body is encoded',
      `content-encoding ${JSON.stringify(encoding)} is not understood: send it as it is`,
    );
  }
  req.body = await readBody(req, maxBytes);
  return req.body;
}

function digestOf(body: unknown, maxBytes: number): string {
  if (body instanceof Uint8Array || typeof body === 'string') return createHash('sha256').update(body).digest('hex');
  try {
    toJson(body, 'the body', { maxBytes, maxDepth: 64 });
  } catch (error) {
    if (isAmendsError(error, 'PAYLOAD_TOO_LARGE'))
      throw new RequestProblem(413, 'PAYLOAD_TOO_LARGE', 'The body is too large', error.message, { cause: error });
    throw error;
  }
  return hashOf(body);
}

/**
 * What tells a request from another one with the same key: its method, URL and body. A body that nobody has parsed is read, and left in
 * `req.body` as a Buffer: so mount `express.json()` before, not after.
 *
 * @throws {RequestProblem} 400, 413, 415
 */
export async function fingerprintOf<Request extends HttpRequest>(req: Request, options: FingerprintOptions<Request>): Promise<string> {
  const maxBytes = wholeNumber('maxBodyBytes', options.maxBodyBytes ?? DEFAULT_BYTES, 0);
  const body = digestOf(await bodyOf(req, maxBytes), maxBytes);
  return hashOf([req.method, req.originalUrl ?? req.url, body, options.fingerprint?.(req) ?? null]);
}

/** The keys of Amends are `<transaction>:<step>:<operation>`; a step's name has no colon. */
const OPERATION = /^(.+):([A-Za-z][A-Za-z0-9_-]*):(run|compensate|try|confirm|cancel)$/s;

/** Which operation of which transaction a key stands for; one that doesn't come from Amends is an action of its own. */
export function operationOf(key: string): Pick<BarrierCall, 'gid' | 'branchId' | 'op'> {
  const [, gid, branchId, op] = OPERATION.exec(key) ?? [];
  if (gid === undefined || branchId === undefined) return { gid: key, branchId: 'request', op: 'run' };
  return { gid, branchId, op: op as BarrierOp };
}

/**
 * The call of a barrier that a request's `Idempotency-Key` stands for. The key that a step gets from Amends says which operation of which
 * transaction it is, so an undo that overtakes its action, and an action that comes after its undo, are known here too; any other key is an
 * action of its own. `input` is a digest of method, URL and body. `signal`, if given, ends the barrier's retries.
 *
 * @throws {RequestProblem} 400, 413, 415: its `status` is what Express answers with
 * @example
 * app.post('/charges', express.json(), async (req, res) => {
 *   res.json(await withBarrier(pool, await barrierContextOf(req), (tx) => charge(tx, req.body)));
 * });
 */
export async function barrierContextOf<Request extends HttpRequest>(
  req: Request,
  { signal = new AbortController().signal, ...options }: FingerprintOptions<Request> & { readonly signal?: AbortSignal | undefined } = {},
): Promise<SignalledContext & { readonly op: 'run' }> {
  const { gid, branchId, op } = operationOf(parseIdempotencyKey(req.headers['idempotency-key']));
  const input = await fingerprintOf(req, options);
  // The barriers take every operation; their types tell an undo, which gives nothing back, from the others.
  return { sagaId: gid, step: branchId, op: op as 'run', input, signal };
}
