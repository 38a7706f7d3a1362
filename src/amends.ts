import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import type { SqlExecutor } from './connections/sql.ts';
import { AmendsError } from './errors.ts';
import type { EventStore } from './events/event-store.ts';
import { Definitions } from './flows/definitions.ts';
import { DEFAULT_PAYLOAD_LIMITS } from './flows/json.ts';
import { checkId } from './flows/names.ts';
import type { AnySaga, Saga } from './flows/saga.ts';
import { StoreClock } from './journal/clock.ts';
import type { ListFilter, TransactionPage } from './journal/journal.ts';
import { Transactions } from './journal/transactions.ts';
import type { Engine } from './producers/engine.ts';
import { Outcomes } from './producers/outcomes.ts';
import { runOf, type SagaRun } from './producers/run.ts';
import { start, type StartOptions } from './producers/start.ts';
import { openStore, storeKindOf, type Store, type StoreKind } from './producers/store.ts';
import { BullmqQueues } from './queues/bullmq-queues.ts';
import { defaultLogger } from './telemetry/logger.ts';
import { createWorker, type AmendsWorker, type WorkerOptions } from './workers/worker.ts';

export interface ConnectOptions {
  /** Keeps the journal in another store than the queue: `connect('redis://…', { journal: 'postgres://…' })`. */
  readonly journal?: string;
  /** Keeps several installations apart in one store: key prefix on Redis, schema on PostgreSQL. Default `amends`. */
  readonly namespace?: string;
  /** Folder of the embedded store. Default `.amends`. */
  readonly folder?: string;
  /** Creates or updates our tables on PostgreSQL. Default `true`; with `false` run `npx amends migrate` when you deploy. */
  readonly migrate?: boolean;
  /** Starts on a Redis that may evict our keys, with a warning. Default `false`. */
  readonly allowUnsafeRedis?: boolean;
  /**
   * How long the store may leave a command unanswered, in milliseconds from 1 000; then the connection is given up, another one is opened, and
   * what was sent counts as not known to be done. Default 15 000. Workers' waits on Redis never give up before that.
   */
  readonly storeTimeoutMs?: number;
  /** Largest input, argument or result, in bytes of JSON. Default 1 048 576. */
  readonly maxPayloadBytes?: number;
  /** Any pino logger. Default: warnings and errors to stderr; AMENDS_LOG_LEVEL sets the level. */
  readonly logger?: Logger;
}

/** A connection to Amends: starts sagas, finds them, makes workers. */
export interface Amends extends AsyncDisposable {
  /** The store the queue is in. */
  readonly store: StoreKind;
  readonly namespace: string;
  /** The event store beside the journal, for streams of your own. */
  readonly events: EventStore;
  /**
   * Starts a saga. Starting it again with the same id and input gives the same run.
   *
   * @throws {AmendsError} INVALID_INPUT, TRANSACTION_CONFLICT, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, PLAN_CHANGED, INVALID_ID
   * @example
   * const run = await amends.start(orderSaga, order, { id: `order-${order.orderId}`, tags: { customer: order.customerId } });
   * const outcome = await run.outcome();
   */
  start<In, Output>(saga: Saga<In, Output>, input: NoInfer<In>, options?: StartOptions): Promise<SagaRun<Output>>;
  /** A handle on a saga by its id, typed when the saga is given. It is not looked up before you ask the handle. */
  get<Output = unknown>(id: string, saga?: Saga<never, Output>): SagaRun<Output>;
  /** Lists transactions, newest start first, a page at a time. */
  list(filter?: ListFilter): Promise<TransactionPage>;
  /** A worker for this process; call its `run()`. Closing the connection closes it too. */
  worker(options: WorkerOptions): AmendsWorker;
  /** Closes workers (they finish what they have in work), then the connections. Idempotent. */
  close(): Promise<void>;
}

/** What the dashboard and the CLI reach for beyond the public surface. */
const ENGINES = new WeakMap<Amends, Engine>();

/** The engine behind a connection, for the parts of this package. */
export function engineOf(amends: Amends): Engine {
  const engine = ENGINES.get(amends);
  if (engine === undefined) throw new AmendsError('INVALID_OPTION', 'give what connect() gave');
  return engine;
}

function resolve(url: string | undefined, options: ConnectOptions) {
  const namespace = options.namespace ?? 'amends';
  if (!/^[a-z][a-z0-9_]{0,30}$/.test(namespace)) {
    throw new AmendsError(
      'INVALID_OPTION',
      `namespace is ${JSON.stringify(namespace)}: use 1 to 31 lower-case letters, digits and _, starting with a letter`,
    );
  }
  const maxBytes = options.maxPayloadBytes ?? DEFAULT_PAYLOAD_LIMITS.maxBytes;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new AmendsError('INVALID_OPTION', `maxPayloadBytes is ${String(maxBytes)}: give a whole number of bytes from 1`);
  }
  const storeTimeoutMs = options.storeTimeoutMs ?? 15_000;
  if (!Number.isSafeInteger(storeTimeoutMs) || storeTimeoutMs < 1_000) {
    throw new AmendsError('INVALID_OPTION', `storeTimeoutMs is ${String(storeTimeoutMs)}: give a whole number of milliseconds from 1000`);
  }
  return {
    url: url ?? process.env.AMENDS_URL,
    namespace,
    folder: options.folder ?? '.amends',
    migrate: options.migrate ?? true,
    allowUnsafeRedis: options.allowUnsafeRedis ?? false,
    storeTimeoutMs,
    limits: { ...DEFAULT_PAYLOAD_LIMITS, maxBytes },
    log: options.logger ?? defaultLogger(),
  };
}

/**
 * Connects to a store: `redis://…` or `rediss://…` (production), `postgres://…`, or none for the embedded store in a local folder.
 *
 * @param url Default: AMENDS_URL, else the embedded store.
 * @throws {AmendsError} INVALID_OPTION, STORE_UNREACHABLE, STORE_UNSAFE, STORE_LOCKED
 * @example await using amends = await connect('redis://localhost:6379');
 */
export async function connect(url?: string, options: ConnectOptions = {}): Promise<Amends> {
  const resolved = resolve(url, options);
  const { namespace, log, limits } = resolved;
  if (options.journal !== undefined) storeKindOf(options.journal);
  const store = await openStore(resolved.url, resolved);
  let journalStore: Store;
  try {
    journalStore = options.journal === undefined ? store : await openStore(options.journal, resolved);
  } catch (error) {
    await store.close();
    throw error;
  }
  if (store.kind === 'embedded') {
    log.warn(
      `the embedded store in ${resolved.folder}/ is for one process; for several, and for production, set AMENDS_URL to redis://… or postgres://…`,
    );
  }
  const { journal } = journalStore;
  const clock = new StoreClock();
  await clock.synchronise(journal);
  const transactions = new Transactions(journal, clock);
  const queues = new BullmqQueues(store.queues, clock, (error) => log.warn({ err: error }, 'queue connection'));
  const engine: Engine = { namespace, journal, transactions, queues, clock, definitions: new Definitions(), limits, log };
  return clientOf(engine, store, journalStore);
}

function clientOf(engine: Engine, store: Store, journalStore: Store): Amends {
  const outcomes = new Outcomes(engine.journal, engine.transactions);
  const workers = new Set<AmendsWorker>();
  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await Promise.all([...workers].map((worker) => worker.close()));
    outcomes.close();
    await engine.queues.close();
    await store.close();
    if (journalStore !== store) await journalStore.close();
  };
  const open = (): void => {
    if (closing !== undefined) throw new AmendsError('CLOSED', 'this connection was closed: connect() again');
  };
  const amends: Amends = {
    store: store.kind,
    namespace: engine.namespace,
    events: journalStore.events,
    async start<In, Output>(saga: Saga<In, Output>, input: NoInfer<In>, options: StartOptions = {}) {
      open();
      const id = checkId(options.id ?? randomUUID());
      // What is in the caller's transaction may be rolled back, unheard.
      if (options.tx === undefined) outcomes.expect(id);
      let created = false;
      try {
        created = await start(engine, saga as AnySaga, input, id, options);
      } finally {
        if (!created) outcomes.lookAt(id);
      }
      return runOf<Output>(engine, outcomes, id);
    },
    get<Output>(id: string) {
      open();
      return runOf<Output>(engine, outcomes, checkId(id));
    },
    async list(filter = {}) {
      open();
      return engine.journal.list(filter);
    },
    worker(options) {
      open();
      const worker = createWorker(engine, options);
      workers.add(worker);
      return worker;
    },
    close: () => (closing ??= shut()),
    [Symbol.asyncDispose]: () => amends.close(),
  };
  ENGINES.set(amends, engine);
  return Object.freeze(amends);
}

/** The caller's open SQL transaction: a `pg.PoolClient` is one. */
export type { SqlExecutor };
