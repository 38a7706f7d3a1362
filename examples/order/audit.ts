import { readBooks, type Books, type Effect } from './books.ts';
import { SERVICES, type ServiceDatabases, type ServiceName } from './services.ts';

/** What is known of an order. `rejected`: its saga was never started. */
export interface OrderOutcome {
  readonly orderId: string;
  /** A saga's status, or `rejected`. */
  readonly status: string;
}

interface ServiceFigures {
  /** Actions that had an effect. */
  readonly effects: number;
  /** … of which were undone. */
  readonly undone: number;
  /** Compensations of actions that never happened. */
  readonly empty: number;
  /** What is in force now: open orders, units reserved, cents charged. */
  readonly inForce: number;
}

export interface AuditReport {
  /** Nothing is left of what was not completed, and everything of what was. */
  readonly netZero: boolean;
  /** One sentence for each thing that is wrong. */
  readonly problems: readonly string[];
  readonly perService: Readonly<Record<ServiceName, ServiceFigures>>;
}

/** What one saga did in one service. */
interface Trace {
  ran?: Effect;
  undone?: Effect;
}

function keyed<Row extends { readonly orderId: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [row.orderId, row]));
}

/** order → saga → service → what it did there; operations without an effect left out. One that was done twice is a problem. */
function traces(effects: readonly Effect[], problems: string[]): ReadonlyMap<string, ReadonlyMap<string, Map<ServiceName, Trace>>> {
  const orders = new Map<string, Map<string, Map<ServiceName, Trace>>>();
  for (const effect of effects) {
    if (effect.outcome !== 'done') continue;
    const sagas = orders.get(effect.orderId) ?? new Map<string, Map<ServiceName, Trace>>();
    const services = sagas.get(effect.sagaId) ?? new Map<ServiceName, Trace>();
    const trace = services.get(effect.service) ?? {};
    const role = effect.operation === 'run' ? 'ran' : 'undone';
    if (trace[role] !== undefined) problems.push(`order ${effect.orderId}: ${effect.operation} had its effect in ${effect.service} twice`);
    trace[role] = effect;
    orders.set(effect.orderId, sagas.set(effect.sagaId, services.set(effect.service, trace)));
  }
  return orders;
}

/** The later a service was called, the earlier it is undone; equal times can't be told apart. */
function checkSequence(where: string, services: ReadonlyMap<ServiceName, Trace>, problems: string[]): void {
  const steps = SERVICES.flatMap((service) => {
    const trace = services.get(service);
    return trace?.ran === undefined ? [] : [{ service, ran: trace.ran.atUs, undone: trace.undone?.atUs }];
  });
  for (const [position, { service, ran, undone }] of steps.entries()) {
    if (undone !== undefined && undone < ran) problems.push(`${where}: ${service} was undone before it was done`);
    const next = steps[position + 1];
    if (next === undefined) continue;
    if (next.ran < ran) problems.push(`${where}: ${next.service} was called before ${service}`);
    if (undone === undefined || (next.undone !== undefined && next.undone <= undone)) continue;
    problems.push(`${where}: ${service} was undone before ${next.service}`);
  }
}

/** What an order's books must show: `completed` times its effects, and nothing else. */
function checkOrder(where: string, orderId: string, completed: number, books: Indexed, problems: string[]): void {
  const sagas = [...(books.traces.get(orderId)?.values() ?? [])];
  const expect = (what: string, found: number, expected: number): void => {
    if (found !== expected) problems.push(`${where}: ${what}: ${found} instead of ${expected}`);
  };
  const count = (service: ServiceName, has: (trace: Trace) => boolean): number =>
    sagas.filter((services) => has(services.get(service) ?? {})).length;
  const ran = (service: ServiceName): number => count(service, (trace) => trace.ran !== undefined);
  const undone = (service: ServiceName): number => count(service, (trace) => trace.undone !== undefined);

  const entry = books.orders.get(orderId);
  const units = books.units.get(orderId);
  const cents = books.cents.get(orderId);
  for (const service of SERVICES) expect(`effects in ${service} that were not undone`, ran(service) - undone(service), completed);
  expect('open orders', entry?.open === true ? 1 : 0, completed);
  expect('reservations', units?.reservations ?? 0, ran('inventory'));
  expect('reservations given back', units?.released ?? 0, undone('inventory'));
  expect('units reserved', units?.net ?? 0, completed * (entry?.units ?? 0));
  if (completed === 0 && (units?.skus.length ?? 0) > 0) problems.push(`${where}: still reserved: ${units?.skus.join(', ')}`);
  expect('charges', cents?.charges ?? 0, ran('payments'));
  expect('refunds', cents?.refunds ?? 0, undone('payments'));
  expect('cents charged', cents?.net ?? 0, completed * (entry?.cents ?? 0));
}

interface Indexed {
  readonly traces: ReturnType<typeof traces>;
  readonly orders: ReadonlyMap<string, Books['orders'][number]>;
  readonly units: ReadonlyMap<string, Books['units'][number]>;
  readonly cents: ReadonlyMap<string, Books['cents'][number]>;
}

function checkSums(books: Books, completed: ReadonlyMap<string, number>, problems: string[]): void {
  for (const { sku, opened, available, reserved } of books.stock) {
    if (available < 0 || available + reserved !== opened) {
      problems.push(`sku ${sku}: ${available} in stock and ${reserved} reserved don't make ${opened}`);
    }
  }
  for (const { customerId, creditCents, usedCents, ledgerCents } of books.credit) {
    if (usedCents !== ledgerCents) problems.push(`customer ${customerId}: ${usedCents} cents of credit used, ${ledgerCents} charged`);
    if (usedCents > creditCents) problems.push(`customer ${customerId}: ${usedCents} cents used of a credit of ${creditCents}`);
  }
  const used = books.credit.reduce((sum, { usedCents }) => sum + usedCents, 0);
  const charged = books.cents.reduce((sum, { orderId, net }) => sum + (completed.get(orderId) === undefined ? 0 : net), 0);
  if (used !== charged) problems.push(`${used} cents of credit are used, but the completed orders were charged ${charged}`);
}

function figures(service: ServiceName, books: Books): ServiceFigures {
  const count = (operation: Effect['operation'], outcome: Effect['outcome']): number =>
    books.effects.filter((effect) => effect.service === service && effect.operation === operation && effect.outcome === outcome).length;
  const inForce = {
    orders: () => books.orders.filter(({ open }) => open).length,
    inventory: () => books.units.reduce((sum, { net }) => sum + net, 0),
    payments: () => books.cents.reduce((sum, { net }) => sum + net, 0),
  };
  return {
    effects: count('run', 'done'),
    undone: count('compensate', 'done'),
    empty: count('compensate', 'empty'),
    inForce: inForce[service](),
  };
}

/**
 * Proves from the services' own books that every order was done as a whole or not at all. The outcomes must be those of all orders these
 * databases ever saw, and of sagas that have ended. The order of undoing is told by the databases' clocks, which must agree.
 */
export async function auditOrders(databases: ServiceDatabases, outcomes: Iterable<OrderOutcome>): Promise<AuditReport> {
  const books = await readBooks(databases);
  const problems: string[] = [];
  const completed = new Map<string, number>();
  const statuses = new Map<string, string>();
  for (const { orderId, status } of outcomes) {
    statuses.set(orderId, statuses.has(orderId) ? `${statuses.get(orderId)}, ${status}` : status);
    if (status === 'completed') completed.set(orderId, (completed.get(orderId) ?? 0) + 1);
    else if (status !== 'compensated' && status !== 'rejected') {
      problems.push(`order ${orderId} is ${status}: it has not ended, so its effects can't be judged`);
    }
  }
  const index: Indexed = {
    traces: traces(books.effects, problems),
    orders: keyed(books.orders),
    units: keyed(books.units),
    cents: keyed(books.cents),
  };
  const all = new Set([...statuses, ...index.traces, ...index.orders, ...index.units, ...index.cents].map(([orderId]) => orderId));
  for (const orderId of all) {
    const where = `order ${orderId} (${statuses.get(orderId) ?? 'never started'})`;
    checkOrder(where, orderId, completed.get(orderId) ?? 0, index, problems);
    for (const services of index.traces.get(orderId)?.values() ?? []) checkSequence(where, services, problems);
  }
  checkSums(books, completed, problems);
  return {
    netZero: problems.length === 0,
    problems,
    perService: {
      orders: figures('orders', books),
      inventory: figures('inventory', books),
      payments: figures('payments', books),
    },
  };
}
