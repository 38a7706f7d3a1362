import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { AmendsError } from '../errors.ts';
import { parseIdempotencyKey } from './idempotency-key-header.ts';
import { inProgress, mismatch, problemJson, RequestProblem, sendProblem } from './idempotency-key-problem.ts';
import { holdReply, keptHeaders, replay, type KeptReply } from './idempotency-key-reply.ts';
import { fingerprintOf, wholeNumber, type FingerprintOptions, type HttpRequest } from './idempotency-key-request.ts';
import type { HeldKey, ReplyStore } from './idempotency-key-store.ts';

export interface IdempotencyKeyOptions<Request extends HttpRequest = HttpRequest> extends FingerprintOptions<Request> {
  readonly store: ReplyStore;
  /** Whose keys these are: the authenticated caller. Without it, who guesses another's key and request reads its reply. Default `''`: one caller. */
  readonly scope?: ((req: Request) => string) | undefined;
  /** `false`: requests without the header pass, unguarded. Default `true`: they get 400. */
  readonly required?: boolean | undefined;
  /**
   * After how many milliseconds a process that stopped renewing its lease is taken for dead, and a retry runs. A request whose caller has hung
   * up is renewed no longer. Default 30 000.
   */
  readonly leaseMs?: number | undefined;
  /** Largest reply that is kept, in bytes. A larger one is sent, and a retry gets 500. Default 1 MiB. */
  readonly maxReplyBytes?: number | undefined;
  /** Headers that a retry gets too, besides those about the content, `Location` and `Link`. */
  readonly headers?: readonly string[] | undefined;
  /** Which replies are final. Default: all below 500 but 408, 409, 425 and 429; the others let the key go, so that a retry runs. */
  readonly isFinal?: ((status: number) => boolean) | undefined;
  /** Told when the store failed after the request was carried out: the reply goes out, and is not kept. */
  readonly onError?: ((error: unknown, req: Request) => void) | undefined;
}

/** Middleware of Express, and of all that takes its kind. */
export type Middleware<Request extends HttpRequest = HttpRequest> = (
  req: Request,
  res: ServerResponse,
  next: (error?: unknown) => void,
) => void;

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const TRANSIENT = new Set([408, 409, 425, 429]);

function notKept(): KeptReply {
  const detail = 'the request was carried out before, and its reply was too large to be kept: ask for what it did in another way';
  const problem = new RequestProblem(500, 'PAYLOAD_TOO_LARGE', 'The reply was not kept', detail);
  return { status: 500, headers: { 'content-type': 'application/problem+json' }, body: Buffer.from(problemJson(problem)) };
}

/** Renews a lease until it is told to stop. */
function renewing(store: ReplyStore, key: HeldKey, leaseMs: number, failed: (error: unknown) => void): () => void {
  const timer = setInterval(() => void store.renew(key, leaseMs).catch(failed), Math.ceil(leaseMs / 3));
  timer.unref();
  return () => clearInterval(timer);
}

/**
 * Middleware for what must not be done twice: the first request with an `Idempotency-Key` runs, and a retry gets its reply (status, some
 * headers, body, and `Idempotent-Replayed: true`). 400: no key, or none that can be one; 409: it is running; 422: the key came with another
 * method, URL or body; 413: the body is too large. Problems are `application/problem+json`. A reply of 500 and more, as of a handler that threw,
 * lets the key go, so that a retry runs. GET, HEAD and OPTIONS pass.
 *
 * **A cache of replies is not exactly-once.** A process that dies after its effect and before the reply is kept has its request run again, when
 * the lease is over; so does one that is frozen for longer than the lease. Put the effect behind a barrier, in one database transaction:
 * {@link idempotentHandler}, or `withBarrier(pool, await barrierContextOf(req), …)` in the handler below this. The retry then finds it done.
 *
 * Mount it after the parser (`express.json()`) and after authentication.
 *
 * @throws {AmendsError} INVALID_OPTION
 * @example app.post('/charges', express.json(), idempotencyKey({ store: redisReplies(redis), scope: (req) => req.user.id }), charge);
 */
export function idempotencyKey<Request extends HttpRequest = HttpRequest>(options: IdempotencyKeyOptions<Request>): Middleware<Request> {
  const { store, scope = () => '', required = true, headers = [], isFinal = (status) => status < 500 && !TRANSIENT.has(status) } = options;
  const leaseMs = wholeNumber('leaseMs', options.leaseMs ?? 30_000, 100);
  const maxReplyBytes = wholeNumber('maxReplyBytes', options.maxReplyBytes ?? 1024 * 1024, 0);
  wholeNumber('maxBodyBytes', options.maxBodyBytes ?? 0, 0);
  if (typeof store?.begin !== 'function')
    throw new AmendsError('INVALID_OPTION', 'store is missing: give pgReplies(pool) or redisReplies(redis)');

  async function guard(req: Request, res: ServerResponse, next: () => void): Promise<void> {
    const header = req.headers['idempotency-key'];
    if (SAFE.has(req.method ?? '') || (header === undefined && !required)) return next();
    const key: HeldKey = { scope: scope(req), key: parseIdempotencyKey(header), owner: randomUUID() };
    const begun = await store.begin(key, await fingerprintOf(req, options), leaseMs);
    if (begun.kind === 'running') throw inProgress();
    if (begun.kind === 'mismatch') throw mismatch();
    if (begun.kind === 'finished') return replay(res, begun.reply);

    const failed = (error: unknown): void => options.onError?.(error, req);
    const stop = renewing(store, key, leaseMs, failed);
    res.once('close', stop);
    holdReply(res, maxReplyBytes, async (body) => {
      stop();
      try {
        if (!isFinal(res.statusCode)) await store.release(key);
        else await store.finish(key, body === undefined ? notKept() : { status: res.statusCode, headers: keptHeaders(res, headers), body });
      } catch (error) {
        failed(error);
      }
    });
    next();
  }

  return (req, res, next) => {
    guard(req, res, next).catch((error: unknown) => {
      if (error instanceof RequestProblem) sendProblem(res, error);
      else next(error);
    });
  };
}
