import type { ServerResponse } from 'node:http';
import type { Pool, PoolClient } from 'pg';
import { isAmendsError } from '../errors.ts';
import type { UndoContext, WithBarrierOptions } from './deliver.ts';
import type { Middleware } from './idempotency-key.ts';
import { inProgress, mismatch, RequestProblem, sendProblem } from './idempotency-key-problem.ts';
import { barrierContextOf, type FingerprintOptions, type HttpRequest } from './idempotency-key-request.ts';
import { withBarrier } from './pg.ts';

/** What a request is answered with, at every delivery. Plain JSON, and kept in the barrier's row. */
export interface HttpReply {
  /** Default 200, without a body 204. */
  readonly status?: number | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: unknown;
}

export interface IdempotentHandlerOptions<Request extends HttpRequest = HttpRequest>
  extends FingerprintOptions<Request>, Omit<WithBarrierOptions, 'scope'> {
  /** Whose keys these are: the authenticated caller. Default `''`: one caller. */
  readonly scope?: ((req: Request) => string) | undefined;
}

function send(res: ServerResponse, { status, headers = {}, body }: HttpReply, replayed: boolean): void {
  const text = body === undefined ? undefined : JSON.stringify(body);
  res.statusCode = status ?? (text === undefined ? 204 : 200);
  if (text !== undefined) res.setHeader('Content-Type', 'application/json; charset=utf-8');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  if (replayed) res.setHeader('Idempotent-Replayed', 'true');
  if (text !== undefined) res.setHeader('Content-Length', Buffer.byteLength(text));
  res.end(text);
}

/**
 * A handler that does its work exactly once: key, business write and reply are committed in one transaction of PostgreSQL, so nothing is lost
 * between them, whenever the process dies. It answers as {@link idempotencyKey} does (400, 409, 413, 422) and needs no store beside the table
 * `txn_barrier` ({@link installBarrier}). Of a key of Amends it knows what is asked: an undo whose action never came does nothing and bars it;
 * an action that comes after its undo gets 410. An undo is answered with 204.
 *
 * @param work What it throws rolls all back and goes to `next`: a retry runs. Return a refusal (409 out of stock, say) that is to be final.
 *   `undone` is, for an undo, the reply of its action.
 * @throws {AmendsError} INVALID_OPTION
 * @example
 * app.post('/charges', express.json(), idempotentHandler(pool, async (tx, req) => ({ status: 201, body: await charge(tx, req.body) })));
 * app.post('/refunds', express.json(), idempotentHandler(pool, async (tx, req, charged) => refund(tx, charged.body)));
 */
export function idempotentHandler<Request extends HttpRequest = HttpRequest>(
  pool: Pool,
  work: (tx: PoolClient, req: Request, undone: HttpReply) => Promise<HttpReply | void>,
  options: IdempotentHandlerOptions<Request> = {},
): Middleware<Request> {
  const { scope = () => '', lockTimeoutMs = 1000 } = options;

  async function handle(req: Request, res: ServerResponse): Promise<void> {
    const context = await barrierContextOf(req, options);
    let asked = false;
    let given: HttpReply | undefined;
    const does = async (tx: PoolClient, undone: unknown): Promise<HttpReply> => {
      asked = true;
      return (given = (await work(tx, req, undone as HttpReply)) ?? {});
    };
    try {
      const delivery: Promise<unknown> = withBarrier(pool, context as unknown as UndoContext, does, {
        ...options,
        scope: scope(req),
        lockTimeoutMs,
      });
      const reply = (await delivery) as HttpReply | undefined;
      send(res, reply ?? {}, reply !== undefined && reply !== given);
    } catch (error) {
      if (isAmendsError(error, 'BARRIER_MISMATCH')) throw mismatch(error);
      if (isAmendsError(error, 'BARRIER_IN_PROGRESS')) throw inProgress(error);
      if (asked || !isAmendsError(error, 'STEP_FAILED')) throw error;
      throw new RequestProblem(410, 'STEP_FAILED', 'The operation was undone', 'its undo came first: it was not done, and never will be', {
        cause: error,
      });
    }
  }

  return (req, res, next) => {
    handle(req, res).catch((error: unknown) => {
      if (error instanceof RequestProblem && !res.headersSent) sendProblem(res, error);
      else next(error);
    });
  };
}
