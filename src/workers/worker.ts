import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { AmendsError } from '../errors.ts';
import type { StepImplementation } from '../flows/implement.ts';
import { stepOf, type StepKind } from '../flows/plan.ts';
import type { AnyDefinition } from '../flows/definition.ts';
import type { AnyStep, StepCode } from '../flows/step.ts';
import { REMEMBERED_MS } from '../journal/known-states.ts';
import { register, type Engine } from '../producers/engine.ts';
import { queueOfStep, sagaQueue, serviceQueue } from '../queues/names.ts';
import type { Consumer, Delivery, Verdict } from '../queues/queue-port.ts';
import { resolveAlerts, type AlertOptions } from '../telemetry/alerts/options.ts';
import { ActiveOperations } from './active.ts';
import { AlertDuty } from './alert-duty.ts';
import { Canary } from './canary.ts';
import { Coordinator } from './coordinator.ts';
import { MissingCode } from './missing-code.ts';
import { startRetention } from './retention.ts';
import { StepWorker } from './step-worker.ts';
import { StorePatience } from './store-patience.ts';
import { Sweeper } from './sweeper.ts';

export interface WorkerOptions {
  /** The sagas whose steps this worker runs, and the TCCs, older versions that are still in flight included. */
  readonly sagas: readonly AnyDefinition[];
  /** The code of their contracts, from `implement()` and `implementResource()`. Inline steps and resources bring theirs. */
  readonly implementations?: readonly StepImplementation[];
  /** Take only the queues of these services, although code for others came along. Default: every service there is code for. */
  readonly services?: readonly string[];
  /** Jobs at the same time, per queue, over all shards; with several shards at least as many as these. Default 50. */
  readonly concurrency?: number;
  /** A worker that has not renewed its hold on a job for this long is taken for dead, in milliseconds. Default 6 000. */
  readonly lockMs?: number;
  /** How often dead workers are looked for, in milliseconds. Default 3 000. */
  readonly stallCheckMs?: number;
  /** After its signal fired, an action has this long to stop by itself before the worker goes on without it, in milliseconds. Default 1 000. */
  readonly graceMs?: number;
  /** When it is closed, what is in work has this long to end (milliseconds); then it is told to stop, and given up for another worker. Default 25 000. */
  readonly drainMs?: number;
  /** A step in whose middle this many workers were lost is stuck: it may be what kills them. Default 5. */
  readonly crashLimit?: number;
  /** How often the sweeper looks for transactions whose jobs are gone, in milliseconds. Default 5 000. */
  readonly sweepEveryMs?: number;
  /** It looks at those in which nothing has happened for this long, in milliseconds. Default 15 000. */
  readonly overdueAfterMs?: number;
  /** Tells people when something needs them. Give all workers the same: each reports, and one of them at a time looks. Default: nobody is told. */
  readonly alerts?: AlertOptions;
  /** How long an ended transaction stays in the journal, in milliseconds: at least a minute. Default 7 days. */
  readonly retentionMs?: number;
}

/** Takes jobs and runs them until it is closed. */
export interface AmendsWorker extends AsyncDisposable {
  /** Names this worker in the history. */
  readonly name: string;
  /** The queues it takes jobs from. */
  readonly queues: readonly string[];
  /** Starts taking jobs; resolves when it is ready. A second call does nothing. */
  run(): Promise<void>;
  /** Stops taking jobs and lets those in work end, or gives them up after `drainMs`. Idempotent. */
  close(): Promise<void>;
}

const DAY_MS = 24 * 3_600_000;
const DEFAULTS = {
  concurrency: 50,
  lockMs: 6_000,
  stallCheckMs: 3_000,
  graceMs: 1_000,
  drainMs: 25_000,
  crashLimit: 5,
  sweepEveryMs: 5_000,
  overdueAfterMs: 15_000,
  retentionMs: 7 * DAY_MS,
};
type Limits = Readonly<typeof DEFAULTS>;
/** What other processes remember of a transaction must be forgotten when its id is free again. */
const SHORTEST_RETENTION_MS = 2 * REMEMBERED_MS;
const MAY_BE_ZERO: ReadonlySet<keyof Limits> = new Set(['graceMs', 'drainMs', 'overdueAfterMs', 'retentionMs']);

function resolveLimits(options: WorkerOptions): Limits {
  const resolved: Record<keyof Limits, number> = { ...DEFAULTS };
  for (const key of Object.keys(DEFAULTS) as (keyof Limits)[]) {
    const value = options[key] ?? DEFAULTS[key];
    const least = MAY_BE_ZERO.has(key) ? 0 : 1;
    if (!Number.isSafeInteger(value) || value < least) {
      throw new AmendsError('INVALID_OPTION', `worker: ${key} is ${String(value)}: give a whole number from ${least}`);
    }
    resolved[key] = value;
  }
  return resolved;
}

function keyOf(contract: AnyStep): string {
  return `${contract.service ?? ''}/${contract.name}`;
}

interface Duties {
  readonly handlers: ReadonlyMap<string, StepCode>;
  readonly queues: ReadonlySet<string>;
}

/** Matches code to plans and finds the queues to take. Refuses what would only come out when a job can't be run. */
function dutiesOf({ sagas, implementations = [], services }: WorkerOptions): Duties {
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_OPTION', `worker: ${problem}`);
  };
  if (sagas.length === 0) refuse('give it the sagas whose steps it runs: worker({ sagas: [orderSaga], … })');
  const handlers = new Map<string, StepCode>();
  for (const { step, handler } of implementations) {
    if (handlers.has(keyOf(step))) refuse(`step "${step.name}" of service "${step.service ?? ''}" is implemented twice: keep one`);
    handlers.set(keyOf(step), handler);
  }
  const used = new Set<string>();
  const able = new Set<string>();
  const unable = new Map<string, string>();
  for (const saga of sagas) {
    able.add(sagaQueue(saga.name));
    for (const contract of saga.contracts) {
      const { kind } = stepOf(saga.plan, contract.name);
      const queue = queueOfStep(saga.plan, { service: contract.service ?? null });
      const handler = contract.handler ?? handlers.get(keyOf(contract));
      used.add(keyOf(contract));
      if (contract.service !== undefined && services?.includes(contract.service) === false) continue;
      if (handler === undefined) {
        unable.set(queue, contract.name);
        continue;
      }
      checkUndo(saga.name, contract.name, kind, handler);
      able.add(queue);
    }
  }
  for (const { step } of implementations) {
    if (!used.has(keyOf(step)))
      refuse(`step "${step.name}" is implemented but none of the given sagas uses it: add its saga to sagas, or drop it`);
  }
  for (const service of services ?? []) {
    if (!able.has(serviceQueue(service)))
      refuse(`there is no code for a step of service "${service}" here: check its name, or add its implement(…)`);
  }
  for (const [queue, step] of unable) {
    if (able.has(queue))
      refuse(`it takes queue "${queue}" but step "${step}", which comes there too, has no implementation here: add implement(${step}, …)`);
  }
  return { handlers, queues: able };
}

function checkUndo(saga: string, step: string, kind: StepKind, handler: StepCode): void {
  if (kind !== 'compensatable' || handler.compensate !== undefined) return;
  throw new AmendsError(
    'INVALID_DEFINITION',
    `step "${step}" can't be undone: add compensate to its implementation, or mark it readOnly, pivot or retriable in saga "${saga}"`,
  );
}

/**
 * A worker over an engine. It takes only the queues of services it has code for.
 *
 * @throws {AmendsError} INVALID_OPTION, INVALID_DEFINITION
 */
export function createWorker(engine: Engine, options: WorkerOptions): AmendsWorker {
  const limits = resolveLimits(options);
  const { handlers, queues } = dutiesOf(options);
  const name = `${hostname()}:${process.pid}:${randomBytes(3).toString('hex')}`;
  const onError = (error: unknown): void => engine.log.error({ err: error }, 'worker error');
  const active = new ActiveOperations(engine.journal, onError);
  const down = new AbortController();
  setMaxListeners(0, down.signal); // each outcome that can't be recorded listens
  const patience = new StorePatience();
  const missing = new MissingCode(engine.log);
  const steps = new StepWorker({
    engine,
    active,
    // Inline code is its own step's alone: other sagas, and other versions of this one, may have steps of the same name.
    find: (contract) => contract.handler ?? handlers.get(keyOf(contract)),
    worker: name,
    graceMs: limits.graceMs,
    crashLimit: limits.crashLimit,
    closing: down.signal,
    patience,
    missing,
  });
  const coordinator = new Coordinator({ engine, missing, steps, patience });
  const ofQueue = new Map([...queues].map((queue) => [queue, { 'messaging.destination.name': queue }]));
  const handle = async (queue: string, delivery: Delivery): Promise<Verdict> => {
    // BullMQ's fetch may have been under way when it was told to close: whoever goes on has it at once.
    if (down.signal.aborted) return { kind: 'postpone', afterMs: 1 };
    const isRoot = delivery.jobId.startsWith('root.');
    if (!isRoot && delivery.waitedMs !== undefined) {
      for (const instruments of engine.telemetry.metrics.instruments) instruments.took('wait', delivery.waitedMs, ofQueue.get(queue)!);
    }
    return isRoot ? coordinator.handle(delivery) : steps.handle(delivery);
  };

  const sagas = options.sagas.map((saga) => saga.name);
  const duty = options.alerts === undefined ? undefined : new AlertDuty(engine, resolveAlerts(options.alerts), patience, onError);
  const sweeper = new Sweeper(engine, {
    sagas,
    everyMs: limits.sweepEveryMs,
    overdueAfterMs: limits.overdueAfterMs,
    onError,
    onRestored: (jobs) => duty?.repaired(jobs),
  });
  const canary = new Canary(engine, () => {
    duty?.lostWrites();
    sweeper.lookAtEverything();
  });

  const consumers: Consumer[] = [];
  let running: Promise<void> | undefined;
  let stopRetention: (() => Promise<void>) | undefined;
  let closing: Promise<void> | undefined;

  const keepMs = Math.max(limits.retentionMs, SHORTEST_RETENTION_MS);
  const begin = async (): Promise<void> => {
    for (const saga of options.sagas) await register(engine, saga);
    const begun = await Promise.allSettled(
      [...queues].map(async (queue) => {
        const { concurrency, lockMs, stallCheckMs } = limits;
        const consume = (delivery: Delivery): Promise<Verdict> => handle(queue, delivery);
        consumers.push(await engine.queues.consume(queue, consume, { concurrency, lockMs, stallCheckMs, keepMs, onError }));
      }),
    );
    const failed = begun.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
    sweeper.start();
    canary.start();
    await duty?.start({ lockMs: limits.lockMs, stallCheckMs: limits.stallCheckMs });
    stopRetention = startRetention(engine, keepMs, onError);
    engine.log.info({ worker: name, queues: [...queues] }, 'worker takes jobs');
  };
  const end = async (): Promise<void> => {
    down.abort();
    patience.end();
    await running?.catch(() => undefined); // told to who called run()
    canary.stop();
    const drained = setTimeout(() => {
      active.giveUp();
      duty?.giveUp();
    }, limits.drainMs);
    await Promise.all([
      ...consumers.map((consumer) => consumer.close()),
      // A look at the store that does not come back can be left alone.
      patience.wait(sweeper.stop()).catch(onError),
      duty?.close(),
      patience.wait(stopRetention?.() ?? Promise.resolve()).catch(onError),
    ]);
    clearTimeout(drained);
    active.close();
  };
  return {
    name,
    queues: [...queues],
    async run() {
      if (closing !== undefined) throw new AmendsError('CLOSED', 'this worker was closed: make a new one');
      running ??= begin();
      try {
        await running;
      } catch (error) {
        await this.close().catch(onError); // what has begun must not go on without the rest
        throw error;
      }
    },
    close: () => (closing ??= end()),
    [Symbol.asyncDispose]() {
      return this.close();
    },
  };
}
