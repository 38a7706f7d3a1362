import { AmendsError } from '../errors.ts';
import type { AnySaga, Branches, SagaBuilder, SagaOptions, SignalUseOptions, UseOptions } from './saga-types.ts';
import { checkName } from './names.ts';
import { buildPlan, type Plan } from './plan.ts';
import { marked } from './redaction.ts';
import { isSchema, type InputOf, type OutputOf, type Schema } from './schema.ts';
import type { AnySignal } from './signal.ts';
import type { AnyStep } from './step.ts';
import { bindingsOf, useSignal, useSleep, useStep, type Mapper, type Use } from './use.ts';

export type {
  AnySaga,
  Branches,
  ConditionalUseOptions,
  OptionalSignalUseOptions,
  RequiredSignalUseOptions,
  Saga,
  SagaBuilder,
  SagaContext,
  SagaOptions,
  SignalUseOptions,
  SleepDuration,
  SleepOptions,
  UseOptions,
} from './saga-types.ts';

interface Draft {
  readonly options: Omit<SagaOptions<Schema>, 'deadlineMs' | 'fuse'> & { readonly deadlineMs: number | null; readonly fuse: boolean };
  readonly stages: readonly (readonly Use[])[];
}

function sagaOf(draft: Draft, returns: Mapper | undefined): AnySaga {
  let plan: Plan | undefined;
  const used = draft.stages.flat().map(({ contract }) => contract);
  return {
    kind: 'saga',
    name: draft.options.name,
    version: draft.options.version,
    input: draft.options.input,
    get plan(): Plan {
      plan ??= buildPlan({
        name: draft.options.name,
        version: draft.options.version,
        deadlineMs: draft.options.deadlineMs,
        fuse: draft.options.fuse,
        ...marked({ input: draft.options.input }),
        stages: draft.stages.map((stage) => stage.map(({ planStep }) => planStep)),
      });
      return plan;
    },
    contracts: Object.freeze(used.filter((contract) => contract?.kind === 'step')),
    signals: Object.freeze(used.filter((contract) => contract?.kind === 'signal')),
    bindings: bindingsOf(`saga "${draft.options.name}"`, draft.stages, returns),
  };
}

/** The branches of a parallel group so far. As with the saga itself, adding one gives a new group, so that types and graph agree. */
class Group {
  readonly saga: string;
  readonly uses: readonly Use[];

  constructor(saga: string, uses: readonly Use[]) {
    this.saga = saga;
    this.uses = uses;
  }

  step(contract: AnyStep, input: Mapper, options: UseOptions = {}): Group {
    return new Group(this.saga, [...this.uses, useStep(this.saga, contract, input, options)]);
  }

  waitFor(contract: AnySignal, options: SignalUseOptions = {}): Group {
    return new Group(this.saga, [...this.uses, useSignal(this.saga, contract, options)]);
  }
}

function builderOf(draft: Draft): SagaBuilder<unknown, unknown, unknown> {
  const { name } = draft.options;
  const extend = (stage: readonly Use[]): unknown => {
    const next: Draft = { ...draft, stages: [...draft.stages, stage] };
    void sagaOf(next, undefined).plan; // refuses a wrong order at the line that makes it
    return builderOf(next);
  };
  const builder = Object.defineProperties(
    {
      step: (contract: AnyStep, input: Mapper, options: UseOptions | undefined) => extend([useStep(name, contract, input, options ?? {})]),
      waitFor: (contract: AnySignal, options: SignalUseOptions | undefined) => extend([useSignal(name, contract, options ?? {})]),
      sleep: (timer: string, duration: unknown, options: { readonly when?: () => boolean } | undefined) =>
        extend([useSleep(name, timer, duration, options ?? {})]),
      parallel(build: (branches: Branches<never, never>) => unknown): unknown {
        const group: unknown = build(new Group(name, []) as unknown as Branches<never, never>);
        if (group instanceof Group) return extend(group.uses);
        throw new AmendsError(
          'INVALID_DEFINITION',
          `saga "${name}": .parallel() needs the group back: (all) => all.step(…).step(…), without braces or with return`,
        );
      },
      returns(map: Mapper): AnySaga {
        const defined = sagaOf(draft, map);
        void defined.plan;
        return Object.freeze(defined);
      },
    },
    Object.getOwnPropertyDescriptors(sagaOf(draft, undefined)),
  );
  return Object.freeze(builder) as unknown as SagaBuilder<unknown, unknown, unknown>;
}

/**
 * Begins a saga.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example
 * const orderSaga = saga({ name: 'order', version: 1, input: OrderInput })
 *   .step(createOrder, ({ input }) => ({ customerId: input.customerId }))
 *   .step(chargePayment, ({ results }) => ({ orderId: results.create_order.orderId }), { pivot: true })
 *   .returns(({ results }) => ({ orderId: results.create_order.orderId }));
 */
export function saga<S extends Schema>(options: SagaOptions<S>): SagaBuilder<InputOf<S>, OutputOf<S>, {}> {
  const name = checkName('saga', options.name);
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_DEFINITION', `saga "${name}": ${problem}`);
  };
  if (!Number.isSafeInteger(options.version) || options.version < 1) {
    refuse(`version is ${String(options.version)}: give a whole number from 1`);
  }
  if (!isSchema(options.input)) refuse('give input, a schema such as z.object({ … })');
  const deadlineMs = options.deadlineMs ?? null;
  if (deadlineMs !== null && (!Number.isSafeInteger(deadlineMs) || deadlineMs < 1)) {
    refuse(`deadlineMs is ${String(deadlineMs)}: give a whole number of milliseconds, or leave it out`);
  }
  const fuse: unknown = options.fuse ?? false;
  if (typeof fuse !== 'boolean') return refuse(`fuse is ${String(fuse)}: give true or false, or leave it out`);
  return builderOf({ options: { ...options, deadlineMs, fuse }, stages: [] }) as unknown as SagaBuilder<InputOf<S>, OutputOf<S>, {}>;
}
