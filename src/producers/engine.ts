import type { Logger } from 'pino';
import type { Canary } from '../connections/canary.ts';
import { AmendsError } from '../errors.ts';
import type { EventBackend } from '../events/backend.ts';
import type { EventSubscriptions } from '../events/typed-subscriptions.ts';
import { Definitions, planChanged } from '../flows/definitions.ts';
import type { PayloadLimits } from '../flows/json.ts';
import type { AnyDefinition } from '../flows/definition.ts';
import type { StoreClock } from '../journal/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { Transactions } from '../journal/transactions.ts';
import type { Rules } from '../machine/decide.ts';
import type { State } from '../machine/state.ts';
import type { QueuePort } from '../queues/queue-port.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { StoreKind } from './store.ts';

/** What clients and workers of one connection share. */
export interface Engine {
  /** The store the queue is in. */
  readonly store: StoreKind;
  readonly namespace: string;
  readonly journal: Journal;
  /** The event store beside the journal. */
  readonly events: EventBackend;
  readonly transactions: Transactions;
  readonly queues: QueuePort;
  /** Whether journal and queues share a connection, on which what is sent later is done later. */
  readonly inOrder: boolean;
  readonly clock: StoreClock;
  readonly definitions: Definitions;
  readonly limits: PayloadLimits;
  readonly log: Logger;
  /** What has to end before the connection does. */
  readonly beforeClose: Set<() => Promise<void>>;
  readonly telemetry: Telemetry;
  /** Of stores that may lose writes: see {@link Store.canary}. */
  readonly canary?: Canary | undefined;
  /** Those who follow the events beside the journal. */
  readonly subscriptions: EventSubscriptions['subscriptions'];
}

/** Whether {@link register} has done it, with this plan. */
export function isRegistered({ definitions }: Engine, { name, version, plan }: AnyDefinition): boolean {
  return definitions.find(name, version)?.plan.fingerprint === plan.fingerprint;
}

/**
 * Makes a saga known to this process and to the store.
 *
 * @throws {AmendsError} PLAN_CHANGED, INVALID_DEFINITION
 */
export async function register(engine: Engine, saga: AnyDefinition): Promise<void> {
  if (isRegistered(engine, saga)) return;
  const stored = await engine.journal.registerPlan(saga.plan);
  if (stored.fingerprint !== saga.plan.fingerprint) throw planChanged(saga);
  engine.definitions.add(saga);
}

/** The rules of a transaction whose definition this process has; `undefined` when it doesn't, or has another plan under that version. */
export function knownRules(engine: Engine, state: State): Rules | undefined {
  const saga = engine.definitions.find(state.saga, state.definitionVersion);
  if (saga === undefined || saga.plan.fingerprint !== state.fingerprint) return undefined;
  return { plan: saga.plan, bindings: saga.bindings, limits: engine.limits };
}

/**
 * The rules an operator's process can act by: the stored plan is enough to cancel and retry.
 *
 * @throws {AmendsError} UNKNOWN_DEFINITION
 */
export async function operatorRules(engine: Engine, state: State): Promise<Rules> {
  const known = knownRules(engine, state);
  if (known !== undefined) return known;
  const plan = await engine.journal.findPlan(state.saga, state.definitionVersion);
  if (plan !== undefined) return { plan };
  throw new AmendsError(
    'UNKNOWN_DEFINITION',
    `the plan of saga "${state.saga}" version ${state.definitionVersion} isn't in the store: run this where that definition is registered`,
  );
}

/** @throws {AmendsError} TRANSACTION_NOT_FOUND */
export async function loadTransaction(engine: Engine, id: string): Promise<State> {
  const state = await engine.transactions.load(id);
  if (state !== undefined) return state;
  throw new AmendsError(
    'TRANSACTION_NOT_FOUND',
    `there is no transaction ${JSON.stringify(id)} here: check the id, AMENDS_URL and the namespace`,
    {
      details: { id },
    },
  );
}
