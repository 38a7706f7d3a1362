import { setTimeout as delay } from 'node:timers/promises';
import { Pool } from 'pg';
import * as z from 'zod';
import { installBarrier, pgExecutor, withBarrier } from '../../../src/barrier/index.ts';
import { StepFailed } from '../../../src/errors.ts';
import type { AnyDefinition } from '../../../src/flows/definition.ts';
import { resource, type Resource } from '../../../src/flows/resource.ts';
import type { CancelContext, ConfirmContext, TryContext } from '../../../src/flows/resource-code.ts';
import { saga, type Saga } from '../../../src/flows/saga.ts';
import { step, type CompensationContext, type Step, type StepContext } from '../../../src/flows/step.ts';
import { tcc, type Tcc } from '../../../src/flows/tcc.ts';

/** What an action does before its effect. */
type Conduct =
  | { readonly kind: 'block'; readonly forMs: number }
  /** Until it is told to go on; it stops at its signal, or takes no notice of it. */
  | { readonly kind: 'wait'; readonly heeds: boolean }
  | { readonly kind: 'sleep'; readonly forMs: number }
  /** Its first attempts. */
  | { readonly kind: 'fail'; readonly times: number }
  | { readonly kind: 'refuse' };

/** By operation: `work`, and `-work` for its undo; of the TCC `try stock`, `confirm stock`, `cancel stock`. */
export type Conducts = Readonly<Record<string, Conduct>>;

/** What a worker tells of itself. */
export interface Told {
  readonly what: 'ready' | 'begun' | 'told to stop' | 'done';
  /** As in {@link Conducts}. */
  readonly of?: string;
  readonly id?: string;
  readonly attempt?: number;
}

const Errand = z.object({ errand: z.string() });
const Done = z.object({ ref: z.string() });
type Input = z.output<typeof Errand>;
type Result = z.output<typeof Done>;
type SagaContext = StepContext<Input> | CompensationContext<Input, Result>;
type Context = SagaContext | TryContext<Input> | ConfirmContext<Input, Result> | CancelContext<Input, Result>;

function idOf(context: Context): string {
  return 'transactionId' in context ? context.transactionId : context.sagaId;
}

/** The participant of all steps: it guards its effects with the barrier. */
export class Books {
  readonly pool: Pool;

  constructor(url: string, schema: string) {
    this.pool = new Pool({ connectionString: url, options: `-c search_path=${schema}`, max: 4, allowExitOnIdle: true });
    this.pool.on('error', () => undefined);
  }

  async create(schema: string): Promise<void> {
    await this.pool.query(`CREATE SCHEMA ${schema}`);
    await this.pool.query('CREATE TABLE effects (seq serial, id text, of text)');
    await installBarrier(pgExecutor(this.pool));
  }

  async drop(schema: string): Promise<void> {
    await this.pool.query(`DROP SCHEMA ${schema} CASCADE`);
    await this.pool.end();
  }

  async effectsOf(id: string): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ of: string }>('SELECT of FROM effects WHERE id = $1 ORDER BY seq', [id]);
    return rows.map(({ of }) => of);
  }

  carryOut(context: Context, of: string): Promise<Result> {
    return withBarrier(this.pool, context as StepContext<Input>, async (tx) => {
      await tx.query('INSERT INTO effects (id, of) VALUES ($1, $2)', [idOf(context), of]);
      return { ref: of };
    });
  }
}

export interface ErrandOptions {
  readonly books: Books;
  readonly conducts?: Conducts;
  readonly tell?: (told: Told) => Promise<void> | void;
  /** Resolves when an action that waits may go on. */
  readonly goOn?: (of: string) => Promise<void>;
  readonly deadlineMs?: number;
  /** The steps share a job; what comes after `prepare` is undone, or is never. */
  readonly fused?: 'undone' | 'retriable';
}

async function conduct(context: Context, of: string, { conducts = {}, goOn }: ErrandOptions): Promise<void> {
  const does = conducts[of];
  switch (does?.kind) {
    case 'block':
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, does.forMs);
      return;
    case 'sleep':
      await delay(does.forMs);
      return;
    case 'fail':
      if (context.attempt <= does.times) throw new Error('out of order');
      return;
    case 'refuse':
      throw new StepFailed('refused');
    case 'wait':
      await Promise.race([
        goOn?.(of),
        ...(does.heeds
          ? [
              new Promise<never>((_resolve, reject) => {
                context.signal.addEventListener('abort', () => reject(context.signal.reason as Error), { once: true });
              }),
            ]
          : []),
      ]);
      return;
    case undefined:
  }
}

const RETRY = { attempts: 5, delayMs: 1_500, maxDelayMs: 1_500, jitter: 0 };

async function carryOut(context: Context, of: string, options: ErrandOptions): Promise<Result> {
  const id = idOf(context);
  const { attempt } = context;
  context.signal.addEventListener('abort', () => void options.tell?.({ what: 'told to stop', of, id }));
  await options.tell?.({ what: 'begun', of, id, attempt });
  await conduct(context, of, options);
  const result = await options.books.carryOut(context, of);
  await options.tell?.({ what: 'done', of, id, attempt });
  return result;
}

function stepOf<const Name extends string>(name: Name, options: ErrandOptions): Step<Name, Input, Input, Result> {
  return step({
    name,
    input: Errand,
    result: Done,
    timeoutMs: 300_000,
    retry: RETRY,
    compensation: { timeoutMs: 300_000, retry: RETRY },
    run: (context) => carryOut(context, name, options),
    compensate: async (context) => {
      await carryOut(context, `-${name}`, options);
    },
  });
}

/** `prepare`, `work`, `finish`: the same plan in every process, whatever the actions do there. */
export function errandSaga(options: ErrandOptions): Saga<Input, unknown> {
  const { deadlineMs, fused } = options;
  const name = fused === undefined ? 'errand' : `errand_${fused}`;
  const use = fused === 'retriable' ? { retriable: true } : {};
  return saga({
    name,
    version: 1,
    input: Errand,
    fuse: fused !== undefined,
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  })
    .step(stepOf('prepare', options), ({ input }) => input)
    .step(stepOf('work', options), ({ input }) => input, use)
    .step(stepOf('finish', options), ({ input }) => input, use);
}

/** All there are. */
export function errands(options: ErrandOptions): readonly AnyDefinition[] {
  const fused = (['undone', 'retriable'] as const).map((kind) => errandSaga({ ...options, fused: kind }));
  return [errandSaga(options), ...fused, errandTcc(options)];
}

function resourceOf<const Name extends string>(name: Name, options: ErrandOptions): Resource<Name, Input, Input, Result> {
  const policy = { timeoutMs: 300_000, retry: RETRY };
  return resource({
    name,
    input: Errand,
    hold: Done,
    holdForMs: 200_000,
    ...policy,
    confirmation: policy,
    cancellation: policy,
    try: (context) => carryOut(context, `try ${name}`, options),
    confirm: (context) => carryOut(context, `confirm ${name}`, options),
    cancel: (context) => carryOut(context, `cancel ${name}`, options),
  });
}

/** `stock`, then `credit`: the same plan in every process, whatever the participants do there. */
export function errandTcc(options: ErrandOptions): Tcc<Input, unknown> {
  return tcc({ name: 'errand_tcc', version: 1, input: Errand, deadlineMs: options.deadlineMs ?? 120_000 })
    .reserve(resourceOf('stock', options), ({ input }) => input)
    .reserve(resourceOf('credit', options), ({ input }) => input);
}
