import { randomUUID } from 'node:crypto';
import { allCanaries } from './connections/canary.ts';
import type { SqlExecutor } from './connections/sql.ts';
import { AmendsError } from './errors.ts';
import { openEvents, type Events, type OpenedEvents } from './events/open-events.ts';
import { Definitions } from './flows/definitions.ts';
import { checkId } from './flows/names.ts';
import type { AnyDefinition } from './flows/definition.ts';
import type { Saga } from './flows/saga.ts';
import type { Tcc } from './flows/tcc.ts';
import { StoreClock } from './journal/clock.ts';
import type { Journal, ListFilter, TransactionPage } from './journal/journal.ts';
import { Transactions } from './journal/transactions.ts';
import type { Engine } from './producers/engine.ts';
import { resolveOptions, type ConnectOptions } from './producers/connect-options.ts';
import { Outcomes } from './producers/outcomes.ts';
import { runOf } from './producers/handle.ts';
import type { SagaRun } from './producers/run.ts';
import type { TccRun } from './producers/tcc-run.ts';
import { start, type StartOptions, type TccStartOptions } from './producers/start.ts';
import { storeSnapshots } from './producers/store-snapshot.ts';
import { openStore, storeKindOf, type Store, type StoreKind } from './producers/store.ts';
import { BullmqQueues } from './queues/bullmq-queues.ts';
import { Telemetry } from './telemetry/telemetry.ts';
import { ShardedQueues } from './queues/sharded-queues.ts';
import { createWorker, type AmendsWorker, type WorkerOptions } from './workers/worker.ts';

/** A connection to Amends: starts sagas, finds them, makes workers. */
export interface Amends extends AsyncDisposable {
  /** The store the queue is in. */
  readonly store: StoreKind;
  readonly namespace: string;
  /** The event store beside the journal, for streams of your own, see {@link eventStream}. */
  readonly events: Events;
  /**
   * Starts a saga. Starting it again with the same id and input gives the same run.
   *
   * @throws {AmendsError} INVALID_INPUT, TRANSACTION_CONFLICT, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, PLAN_CHANGED, INVALID_ID
   * @example
   * const run = await amends.start(orderSaga, order, { id: `order-${order.orderId}`, tags: { customer: order.customerId } });
   * const outcome = await run.outcome();
   */
  start<In, Output>(saga: Saga<In, Output>, input: NoInfer<In>, options?: StartOptions): Promise<SagaRun<Output>>;
  /**
   * Starts a TCC. Starting it again with the same id and input gives the same run.
   *
   * @throws {AmendsError} as for a saga
   * @example const { lot } = await (await amends.start(checkout, cart, { id: `checkout-${cart.id}` })).result();
   */
  start<In, Output>(tcc: Tcc<In, Output>, input: NoInfer<In>, options?: TccStartOptions): Promise<TccRun<Output>>;
  /** A handle on a saga by its id, typed when the saga is given. It is not looked up before you ask the handle. */
  get<In, Output>(id: string, saga: Saga<In, Output>): SagaRun<Output>;
  /** The same of a TCC. */
  get<In, Output>(id: string, tcc: Tcc<In, Output>): TccRun<Output>;
  /** A handle on whatever has this id. */
  get<Output = unknown>(id: string): SagaRun<Output>;
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

/**
 * Connects to a store: `redis://…` or `rediss://…` (production), `postgres://…`, or none for the embedded store in a local folder.
 *
 * @param url Default: AMENDS_URL, else the embedded store.
 * @throws {AmendsError} INVALID_OPTION, STORE_UNREACHABLE, STORE_UNSAFE, STORE_LOCKED
 * @example await using amends = await connect('redis://localhost:6379');
 */
export async function connect(url?: string, options: ConnectOptions = {}): Promise<Amends> {
  const resolved = resolveOptions(url, options);
  const { namespace, log, limits } = resolved;
  const kinds = [resolved.url, ...(options.journal === undefined ? [] : [options.journal])].map(storeKindOf);
  if ((resolved.shards ?? 1) !== 1 && !kinds.includes('redis')) {
    throw new AmendsError(
      'INVALID_OPTION',
      `shards is ${resolved.shards}: shards are for Redis, where they spread transactions over the masters of a cluster; leave it out with ${kinds[0] === 'embedded' ? 'the embedded store' : 'PostgreSQL'}`,
    );
  }
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
  const journal = settlingShards(journalStore.journal, [store, journalStore]);
  const clock = new StoreClock();
  await clock.synchronise(journal);
  const transactions = new Transactions(journal, clock);
  const shards = store.queues.map(
    (backend) =>
      new BullmqQueues(backend, clock, {
        onError: (error) => log.warn({ err: error }, 'queue connection'),
        telemetry: resolved.telemetry.queue,
      }),
  );
  const queues = shards.length === 1 ? shards[0]! : new ShardedQueues(shards);
  const telemetry = await Telemetry.open(resolved.telemetry, { journal, clock, log });
  transactions.onRecorded = (before, state, events) => telemetry.recorded(before, state, events);
  const onError = (error: unknown, what: string): void => log.error({ err: error }, what);
  const opened = openEvents({ backend: journalStore.events, limits, onError });
  const engine: Engine = {
    store: store.kind,
    namespace,
    journal,
    events: journalStore.events,
    transactions,
    queues,
    inOrder: store.inOrder && journalStore === store,
    clock,
    definitions: new Definitions(),
    limits,
    log,
    beforeClose: new Set(),
    telemetry,
    subscriptions: () => opened.events.subscriptions(),
    canary: canaryOf([store, journalStore]),
  };
  telemetry.metrics.observe(storeSnapshots(engine));
  return clientOf(engine, opened, [...new Set([store, journalStore])]);
}

/** Nothing is started before its plan is stored, so then the number of shards is settled where nobody gave one. Who only looks settles nothing. */
function settlingShards(journal: Journal, stores: readonly Store[]): Journal {
  const open = stores.filter(({ settleShards }) => settleShards !== undefined);
  if (open.length === 0) return journal;
  return {
    ...journal,
    async registerPlan(plan) {
      for (const store of open) await store.settleShards?.();
      return journal.registerPlan(plan);
    },
  };
}

function canaryOf(stores: readonly Store[]): Engine['canary'] {
  const canaries = [...new Set(stores)].flatMap(({ canary }) => (canary === undefined ? [] : [canary]));
  return canaries.length === 0 ? undefined : allCanaries(canaries);
}

function clientOf(engine: Engine, opened: OpenedEvents, stores: readonly Store[]): Amends {
  const outcomes = new Outcomes(engine.journal, engine.transactions);
  const workers = new Set<AmendsWorker>();
  let closing: Promise<void> | undefined;
  const shut = async (): Promise<void> => {
    await Promise.all([...engine.beforeClose].map((end) => end()));
    await Promise.all([opened.close(), ...[...workers].map((worker) => worker.close())]);
    outcomes.close();
    engine.telemetry.metrics.end();
    await engine.queues.close();
    for (const store of stores) await store.close();
  };
  const open = (): void => {
    if (closing !== undefined) throw new AmendsError('CLOSED', 'this connection was closed: connect() again');
  };
  const amends: Amends = {
    store: stores[0]!.kind,
    namespace: engine.namespace,
    events: opened.events,
    async start<Output>(definition: AnyDefinition, input: unknown, options: TccStartOptions = {}) {
      open();
      const id = checkId(options.id ?? randomUUID());
      // What is in the caller's transaction may be rolled back, unheard.
      if (options.tx === undefined) outcomes.expect(id);
      let created = false;
      try {
        created = await start(engine, definition, input, { ...options, id, isNew: options.id === undefined });
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
export type { ConnectOptions, SqlExecutor };
