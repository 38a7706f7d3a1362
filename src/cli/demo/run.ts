import { auditOrders } from '../../../examples/order/audit.ts';
import { orderSaga } from '../../../examples/order/contracts.ts';
import { serviceOptionsFrom } from '../../../examples/order/environment.ts';
import { openOrderServices, type OrderServices } from '../../../examples/order/services.ts';
import type { Amends } from '../../amends.ts';
import { open, storeTimeMs } from '../connection.ts';
import { paintFor, type Paint } from '../paint.ts';
import { renderTimeline } from '../timeline.ts';
import { runOrders, type OrderSource } from './orders.ts';
import type { DemoPlace } from './place.ts';
import type { DemoReport } from './report.ts';
import { prepareServiceFolders } from './service-folders.ts';

export interface DemoStage {
  readonly amends: Amends;
  readonly services: OrderServices;
  readonly openMs: number;
  /** With `keep` the services' databases stay, to be looked at. */
  close(options: { readonly keep: boolean }): Promise<void>;
}

/** Opens the store and the services, all at the same time, and starts one worker for all of it. */
export async function openDemo(place: DemoPlace): Promise<DemoStage> {
  const from = performance.now();
  const { services: location, newStoreFolder } = place;
  const prepared = 'folder' in location ? prepareServiceFolders(location.folder, newStoreFolder) : Promise.resolve();
  const roomForStore = newStoreFolder === undefined ? Promise.resolve() : prepared;
  // Every failure on purpose is logged as a warning, and here most of them are.
  const opening = await Promise.allSettled([
    roomForStore.then(() => open(place.connection, { logLevel: 'error' })),
    prepared.then(() => openOrderServices(location, serviceOptionsFrom(process.env))),
  ]);
  const [store, services] = opening;
  if (store.status === 'rejected' || services.status === 'rejected') {
    if (store.status === 'fulfilled') await store.value.close();
    if (services.status === 'fulfilled') await services.value.drop();
    throw store.status === 'rejected' ? store.reason : (services as PromiseRejectedResult).reason;
  }
  const close: DemoStage['close'] = async ({ keep }) => {
    await store.value.close(); // the worker first: it calls the services
    await (keep ? services.value.close() : services.value.drop());
  };
  try {
    await store.value.worker({ sagas: [orderSaga], implementations: services.value.implementations }).run();
  } catch (error) {
    await close({ keep: false });
    throw error;
  }
  return { amends: store.value, services: services.value, openMs: Math.round(performance.now() - from), close };
}

async function timelineOf(amends: Amends, id: string | undefined, paint: Paint): Promise<string | undefined> {
  if (id === undefined) return undefined;
  const run = amends.get(id);
  const [history, { notCompensated }] = await Promise.all([run.history(), run.view()]);
  return renderTimeline({ id, history, notCompensated, nowMs: await storeTimeMs(amends), paint });
}

/** Runs the orders, then asks the services' own books whether all is right. */
export async function runDemo(stage: DemoStage, place: DemoPlace, source: OrderSource, signal: AbortSignal): Promise<DemoReport> {
  const { amends, services, openMs } = stage;
  const from = performance.now();
  const tally = await runOrders(amends, source, place.idOf, signal);
  const ms = Math.round(performance.now() - from);
  const audit = await auditOrders(services.databases, tally.outcomes);
  const timeline = await timelineOf(amends, tally.example, paintFor(process.stdout));
  return { store: amends.store, namespace: amends.namespace, tally, audit, timeline, openMs, ms };
}
