// One worker process of a fault run. It does its job, tells the runner what it does, and stops where the runner has asked it to.
import { setTimeout as delay } from 'node:timers/promises';
import { Pool, type PoolClient } from 'pg';
import { pino } from 'pino';
import { connect, engineOf } from '../../../src/amends.ts';
import { isTransient } from '../../../src/barrier/executor.ts';
import { withBarrier } from '../../../src/barrier/pg.ts';
import { StepFailed } from '../../../src/errors.ts';
import { implement, type StepImplementation } from '../../../src/flows/implement.ts';
import { implementResource } from '../../../src/flows/resource.ts';
import type { CancelContext, ConfirmContext, TryContext } from '../../../src/flows/resource-code.ts';
import type { StepContext } from '../../../src/flows/step.ts';
import { SECRET } from '../../telemetry/sink.ts';
import { readEffectOf, write } from './books.ts';
import { checkoutTcc, RESOURCES } from './checkouts.ts';
import { CONTRACTS, orderSaga, STEP_TIMEOUT_MS, type Order } from './orders.ts';
import { SETTINGS_VARIABLE, type FromWorker, type Point, type ToWorker, type WorkerSettings } from './signals.ts';

const settings = JSON.parse(process.env[SETTINGS_VARIABLE] ?? '') as WorkerSettings;
const log = pino({ level: process.env['AMENDS_LOG_LEVEL'] ?? 'warn' }, pino.destination({ dest: 2, sync: true }));

/** What the services take for their work: some are slow, so that faults find much under way. */
const work = (): Promise<void> => delay(10 + 350 * Math.random() ** 3);

let armed: Point | undefined;
let release: (() => void) | undefined;
let stormy = false;

function tell(message: FromWorker): void {
  if (process.connected) process.send!(message, undefined, undefined, () => undefined);
}

/** Where the runner can stop us. */
async function passing(point: Point, key: string): Promise<void> {
  if (armed !== point) return;
  armed = undefined;
  tell({ type: 'reached', point, key });
  await new Promise<void>((resolve) => {
    release = resolve;
  });
}

process.on('message', (message: ToWorker) => {
  if (message.type === 'arm') armed = message.point;
  else if (message.type === 'storm') stormy = message.on;
  else {
    armed = undefined;
    release?.();
  }
});

const books = new Pool({
  connectionString: settings.booksUrl,
  max: 10,
  application_name: `books-${settings.index}`,
  connectionTimeoutMillis: 2_000,
  // A participant's own care for connections that are gone without a word, here and at the server.
  query_timeout: 4_000,
  idle_in_transaction_session_timeout: 3_000,
});
books.on('error', () => undefined); // it is replaced

type AnyContext = StepContext<Order> | TryContext<Order> | ConfirmContext<Order, unknown> | CancelContext<Order, unknown>;

/** Of a saga or a TCC. */
function partOf(context: AnyContext): { readonly gid: string; readonly step: string } {
  return 'resource' in context ? { gid: context.transactionId, step: context.resource } : { gid: context.sagaId, step: context.step };
}

function keyOf(context: AnyContext): string {
  const { gid, step } = partOf(context);
  return `${gid}/${step}/${context.op}`;
}

/** Tells of refused transactions, which the barrier tries again by itself. */
async function noting(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (isTransient(error)) tell({ type: 'conflict', code: (error as { code: string }).code });
    throw error;
  }
}

async function effect(context: AnyContext, service: string): Promise<void> {
  const { op, input } = context;
  const entry = { service, ...partOf(context), op, number: input.number, worker: settings.index };
  const business = async (tx: PoolClient): Promise<void> => noting(write(tx, entry, stormy));
  const options = { schema: service, lockTimeoutMs: 2_000, attempts: 8, ...(stormy ? { isolation: 'serializable' as const } : {}) };
  await withBarrier(books, context as Parameters<typeof withBarrier>[1], business, options);
}

async function run(context: StepContext<Order> | TryContext<Order>, service: string): Promise<{ ref: string }> {
  const { input, attempt } = context;
  const { step } = partOf(context);
  const { kind, step: at, afterEffect } = input.fate;
  const fated = at === step;
  const key = keyOf(context);
  await work();
  if (fated && kind === 'deadly') {
    tell({ type: 'deadly', key });
    await delay(20); // until it is told
    process.kill(process.pid, 'SIGKILL');
  }
  if ((fated && kind === 'refused') || (kind === 'undo_fails' && step === 'approve')) throw new StepFailed(`${step} is refused`);
  if (fated && kind === 'slow' && attempt === 1) await delay(STEP_TIMEOUT_MS + 300);
  const flaky = fated && kind === 'flaky' && attempt <= 2;
  if (flaky && !afterEffect) throw new Error('out of order');
  await passing('before-effect', key);
  await effect(context, service);
  await passing('after-commit', key);
  if (flaky || (fated && kind === 'unknown')) throw new Error('no answer');
  return { ref: `${step}/${input.order}` };
}

async function undo(context: StepContext<Order>, service: string): Promise<void> {
  const { input, attempt, step } = context;
  await work();
  const failing = input.fate.kind === 'undo_fails' && input.fate.step === step && attempt <= 3;
  if (failing && !input.fate.afterEffect) throw new Error('out of order');
  await passing('before-undo', keyOf(context));
  await effect(context, service);
  await passing('after-undo', keyOf(context));
  if (failing) throw new Error('no answer');
}

/** A confirm or a cancel: both have to work in the end. */
async function settle(context: ConfirmContext<Order, unknown> | CancelContext<Order, unknown>, service: string): Promise<void> {
  const { input, attempt, resource } = context;
  await work();
  const failing = input.fate.kind === 'flaky' && input.fate.step === resource && attempt <= 3;
  if (failing && !input.fate.afterEffect) throw new Error('out of order');
  const undoes = context.op === 'cancel';
  await passing(undoes ? 'before-undo' : 'before-effect', keyOf(context));
  await effect(context, service);
  await passing(undoes ? 'after-undo' : 'after-commit', keyOf(context));
  if (failing) throw new Error('no answer');
}

/** The participant's own word: whether the effect stands in its ledger. */
async function verify(context: StepContext<Order>, service: string): Promise<{ ref: string } | 'not-done'> {
  const found = await readEffectOf(books, service, context.sagaId, context.step);
  return found ? { ref: `${context.step}/${context.input.order}` } : 'not-done';
}

async function told<T>(context: AnyContext, work: Promise<T>): Promise<T> {
  const key = keyOf(context);
  tell({ type: 'begin', key });
  try {
    return await work;
  } finally {
    tell({ type: 'end', key });
  }
}

const implementations: StepImplementation[] = CONTRACTS.map((contract) => {
  const service = contract.service!;
  return implement(contract, {
    run: (context) => told(context, run(context, service)),
    compensate: (context) => told(context, undo(context, service)),
    // One that can be asked, the others can't.
    ...(contract.name === 'book_courier' ? { verify: async (context: StepContext<Order>) => verify(context, service) } : {}),
  });
});

implementations.push(
  ...RESOURCES.map((contract) => {
    const service = contract.service!;
    return implementResource(contract, {
      try: (context) => told(context, run(context, service)),
      confirm: (context) => told(context, settle(context, service)),
      cancel: (context) => told(context, settle(context, service)),
    });
  }),
);

// The runner is gone: nobody needs us.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

const { lockMs, stallCheckMs, sweepEveryMs, overdueAfterMs, crashLimit } = settings;
const amends = await connect(settings.storeUrl, {
  namespace: settings.namespace,
  logger: log,
  ...(settings.journalUrl === undefined ? {} : { journal: settings.journalUrl }),
});
const { journal } = engineOf(amends);
const list = journal.list.bind(journal);
journal.list = async (filter) => {
  const page = await list(filter);
  if (page.transactions.length > 0) await passing('sweep', page.transactions[0]!.id);
  return page;
};
const worker = amends.worker({
  sagas: [orderSaga, checkoutTcc],
  implementations,
  concurrency: 20,
  lockMs,
  stallCheckMs,
  sweepEveryMs,
  overdueAfterMs,
  crashLimit,
  graceMs: 100,
  alerts: { channels: [{ kind: 'webhook', url: settings.alertUrl, secret: SECRET, allowPrivate: true, timeoutMs: 2_000 }], everyMs: 1_000 },
});
let closing = false;
process.on('SIGTERM', () => {
  if (closing) return;
  closing = true;
  void amends
    .close()
    .then(() => books.end())
    .then(() => process.exit(0));
});
await worker.run();
tell({ type: 'ready', name: worker.name });
