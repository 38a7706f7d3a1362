import { afterEach, beforeEach } from 'vitest';
import * as z from 'zod';
import { implement, saga, step, StepFailed, type Amends, type Saga } from 'amends';
import { startDashboard, type Dashboard, type StartDashboardOptions } from 'amends/dashboard';
import { connectTo } from '../engine/fixture.ts';
import { useStore, type StoreKind } from '../support/stores.ts';

/** What the services do at the moment. A test turns them as it goes. */
interface Services {
  declines: boolean;
  /** The payment provider gives no clear answer. */
  vague: boolean;
  canUndo: boolean;
}

const Order = z.object({ order: z.string() });
const Ref = z.object({ ref: z.string() });
const once = { attempts: 1, delayMs: 5, maxDelayMs: 5, jitter: 0 };
const patient = { attempts: 5, delayMs: 600_000, maxDelayMs: 600_000, jitter: 0 };

const reserveStock = step({
  name: 'reserve_stock',
  service: 'stock',
  input: Order,
  result: Ref,
  retry: once,
  compensation: { retry: once },
});
const chargeCard = step({ name: 'charge_card', service: 'payments', input: Order, result: Ref, retry: patient });

export type TripSaga = Saga<{ order: string }, { ref: string }>;

/** A saga whose steps are with two services. */
export function tripSaga(name = 'trip'): TripSaga {
  return saga({ name, version: 1, input: Order })
    .step(reserveStock, ({ input }) => input)
    .step(chargeCard, ({ input }) => input, { pivot: true })
    .returns(({ results }) => ({ ref: results.charge_card.ref }));
}

/** The code of both services, as `services` says. */
function implementations(services: Services) {
  return [
    implement(reserveStock, {
      run: ({ input }) => ({ ref: `stock/${input.order}` }),
      compensate({ input }) {
        if (!services.canUndo) throw new Error(`the stock is <img src=x onerror=alert(1)> away for "${input.order}"`);
      },
    }),
    implement(chargeCard, {
      run({ input }) {
        if (services.declines) throw new StepFailed('card declined');
        if (services.vague) throw new Error('connection reset');
        return { ref: `card/${input.order}` };
      },
    }),
  ];
}

/** What a test of the dashboard runs on: a connection, its dashboard on a free port, and a worker for both services. */
export interface Bench {
  readonly amends: Amends;
  readonly dashboard: Dashboard;
  readonly services: Services;
  /** Another dashboard on the same connection. */
  open(options?: StartDashboardOptions): Promise<Dashboard>;
  work(...sagas: readonly TripSaga[]): Promise<void>;
}

/** @param apart Gives each test a namespace of its own, for those that look at all there is. */
export function useBench(kind: StoreKind, { apart = false }: { readonly apart?: boolean } = {}): Bench {
  const store = useStore(kind);
  let amends: Amends;
  let opened: Dashboard[] = [];
  let services: Services;
  let tests = 0;
  const open = async (options: StartDashboardOptions = {}): Promise<Dashboard> => {
    const dashboard = await startDashboard(amends, { port: 0, ...options });
    opened.push(dashboard);
    return dashboard;
  };
  beforeEach(async () => {
    services = { declines: false, vague: false, canUndo: true };
    amends = await connectTo(store, apart ? { namespace: `${store.namespace}_${++tests}` } : {});
    opened = [];
    await open();
  });
  afterEach(async () => {
    await Promise.all(opened.map((dashboard) => dashboard.close()));
    await amends.close();
  });
  return {
    get amends() {
      return amends;
    },
    get dashboard() {
      return opened[0]!;
    },
    get services() {
      return services;
    },
    open,
    async work(...sagas) {
      await amends.worker({ sagas, implementations: implementations(services), lockMs: 2_000, stallCheckMs: 1_000 }).run();
    },
  };
}
