import { afterEach, beforeEach } from 'vitest';
import type { Amends, ConnectOptions } from 'amends';
import { startDashboard, type Dashboard, type StartDashboardOptions } from 'amends/dashboard';
import type { WorkerOptions } from '../../src/workers/worker.ts';
import { connectTo } from '../engine/fixture.ts';
import { useStore, type StoreKind } from '../support/stores.ts';
import { HEALTHY, orderSaga, type OrderSaga, type Services } from './shop.ts';

/** What a test of the console runs on: a connection, its dashboard on a free port, and services that it turns as it goes. */
export interface ShopBench {
  readonly amends: Amends;
  readonly dashboard: Dashboard;
  readonly services: Services;
  readonly order: OrderSaga;
  /** Another dashboard on the same connection. */
  open(options?: StartDashboardOptions): Promise<Dashboard>;
  work(sagas?: WorkerOptions['sagas']): Promise<void>;
}

/** The stores that the console is tested on: a server, and the one that lives in the process. */
export const CONSOLE_STORES = ['redis', 'embedded'] as const satisfies readonly StoreKind[];

/** To be called before {@link useBrowser}: the pages must be closed before their server is. */
export function useShop(kind: StoreKind, connectOptions: ConnectOptions = {}): ShopBench {
  const store = useStore(kind);
  let amends: Amends;
  let opened: Dashboard[] = [];
  let services: Services;
  let order: OrderSaga;
  let round = 0;
  const open = async (options: StartDashboardOptions = {}): Promise<Dashboard> => {
    const dashboard = await startDashboard(amends, { port: 0, ...options });
    opened.push(dashboard);
    return dashboard;
  };
  beforeEach(async () => {
    services = { ...HEALTHY };
    order = orderSaga(services);
    // A namespace for each test: what it counts is its own.
    amends = await connectTo(store, { namespace: `${store.namespace}_${++round}`, ...connectOptions });
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
    get order() {
      return order;
    },
    open,
    async work(sagas = [order]) {
      await amends.worker({ sagas, lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20 }).run();
    },
  };
}
