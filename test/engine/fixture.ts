import { pino } from 'pino';
import * as z from 'zod';
import { afterEach, beforeEach } from 'vitest';
import { connect, type Amends, type ConnectOptions } from '../../src/amends.ts';
import type { RetryPolicy } from '../../src/flows/policy.ts';
import { hashOf } from '../../src/flows/json.ts';
import type { AnyDefinition } from '../../src/flows/definition.ts';
import { saga, type Saga, type UseOptions } from '../../src/flows/saga.ts';
import { step, type CompensationContext, type Step, type StepContext } from '../../src/flows/step.ts';
import type { EventData } from '../../src/machine/event.ts';
import type { WorkerOptions } from '../../src/workers/worker.ts';
import { useStore, type StoreKind, type TestStore } from '../support/stores.ts';

type Args = { readonly order: string };
type Result = { readonly ref: string };

/** What a step does in a test. Left out: it works. */
export interface Behaviour {
  readonly run?: (context: StepContext<Args>) => unknown;
  readonly compensate?: (context: CompensationContext<Args, Result>) => unknown;
  readonly verify?: (context: StepContext<Args>) => Result | 'not-done' | 'unknown' | Promise<Result | 'not-done' | 'unknown'>;
  readonly use?: UseOptions;
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
  readonly undoRetry?: RetryPolicy;
}

/** Counts the real effects, in the order in which they happened: `charge_card` and, for an undo, `-charge_card`. */
export type Ledger = string[];

const FAST: RetryPolicy = { attempts: 3, delayMs: 5, maxDelayMs: 20, jitter: 0 };

export function namedStep<const Name extends string>(
  name: Name,
  ledger: Ledger,
  behaviour: Behaviour = {},
): Step<Name, Args, Args, Result> {
  const plain = behaviour.use?.pivot === true || behaviour.use?.retriable === true || behaviour.use?.readOnly === true;
  return step({
    name,
    input: z.object({ order: z.string() }),
    result: z.object({ ref: z.string() }),
    timeoutMs: behaviour.timeoutMs ?? 10_000,
    retry: { ...FAST, ...behaviour.retry },
    compensation: { retry: { ...FAST, ...behaviour.undoRetry } },
    async run(context) {
      const answer = await behaviour.run?.(context);
      ledger.push(name);
      return (answer ?? { ref: `${name}/${context.input.order}` }) as Result;
    },
    ...(plain && behaviour.compensate === undefined
      ? {}
      : {
          async compensate(context: CompensationContext<Args, Result>) {
            await behaviour.compensate?.(context);
            ledger.push(`-${name}`);
          },
        }),
    ...(behaviour.verify === undefined ? {} : { verify: async (context: StepContext<Args>) => behaviour.verify!(context) }),
  });
}

export const OrderInput = z.object({ order: z.string() });
type Fixture = Saga<{ order: string }, { ref: string }>;

/** The saga of the scenarios: reserve_stock -> charge_card -> create_shipment -> send_mail (retriable). */
export function orderSaga(
  ledger: Ledger,
  behaviours: Readonly<Record<string, Behaviour>> = {},
  options: { deadlineMs?: number; version?: number } = {},
): Fixture {
  const made = <const Name extends string>(name: Name, use?: UseOptions) =>
    namedStep(name, ledger, { ...(use === undefined ? {} : { use }), ...behaviours[name] });
  const { version = 1, ...rest } = options;
  return saga({ name: 'order', version, input: OrderInput, ...rest })
    .step(made('reserve_stock'), ({ input }) => input, behaviours['reserve_stock']?.use)
    .step(made('charge_card'), ({ input }) => input, behaviours['charge_card']?.use)
    .step(made('create_shipment'), ({ input }) => input, behaviours['create_shipment']?.use)
    .step(made('send_mail', { retriable: true }), ({ input }) => input, { retriable: true })
    .returns(({ results }) => ({ ref: results.create_shipment.ref }));
}

/** A connection to a test's store; the store of each kind is named the way it is used in production. */
export function connectTo(store: TestStore, options: ConnectOptions = {}): Promise<Amends> {
  const place = store.kind === 'embedded' ? { url: '', folder: store.url } : { url: store.url };
  const { url, ...rest } = place;
  return connect(url, { namespace: store.namespace, logger: pino({ level: 'silent' }), ...rest, ...options });
}

/** What a test runs on: a connection of its own, and workers that are closed after it. */
export interface Bench {
  readonly amends: Amends;
  readonly ledger: Ledger;
  readonly store: TestStore;
  /** What was logged as an error in this test. */
  readonly alerts: readonly string[];
  /** A second process's connection; on the embedded store the same one, for there is only one process. */
  other(): Promise<Amends>;
  work(sagas: WorkerOptions['sagas'], options?: Omit<WorkerOptions, 'sagas'>): Promise<void>;
}

/** Gives the suite in which it is called a fresh store, and every test a connection to it. */
export function useBench(kind: StoreKind): Bench {
  const store = useStore(kind);
  const opened: Amends[] = [];
  let ledger: Ledger = [];
  const alerts: string[] = [];
  const logger = pino({ level: 'error' }, { write: (line) => void alerts.push((JSON.parse(line) as { msg: string }).msg) });
  beforeEach(async () => {
    ledger = [];
    alerts.length = 0;
    opened.push(await connectTo(store, { logger }));
  });
  afterEach(async () => {
    for (const amends of opened.splice(0)) await amends.close();
  });
  return {
    store,
    get amends() {
      return opened[0]!;
    },
    get ledger() {
      return ledger;
    },
    alerts,
    async other() {
      if (kind === 'embedded') return opened[0]!;
      const amends = await connectTo(store);
      opened.push(amends);
      return amends;
    },
    async work(sagas, options) {
      await opened[0]!.worker({ sagas, lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20, ...options }).run();
    },
  };
}

/** What a start journals first, for a starter that dies before it has enqueued anything. */
export function startedOf(definition: AnyDefinition, input: { readonly order: string }): EventData<'saga_started'> {
  return {
    saga: definition.name,
    definitionVersion: definition.version,
    fingerprint: definition.plan.fingerprint,
    input,
    inputHash: hashOf(input),
    tags: {},
    deadlineAtMs: null,
  };
}

/** A promise and the function that resolves it. */
export function gate(): { readonly opened: Promise<void>; open(): void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open: () => open() };
}
