import { AmendsError } from '../errors.ts';
import type { Values } from './bindings.ts';
import { checkName } from './names.ts';
import { buildPlan, type Plan } from './plan.ts';
import { resolvePolicy } from './policy.ts';
import { marked } from './redaction.ts';
import type { AnyResource } from './resource.ts';
import { isSchema, type InputOf, type OutputOf, type Schema } from './schema.ts';
import type { AnyTcc, ReserveOptions, TccBuilder, TccOptions } from './tcc-types.ts';
import { bindingsOf, checkCondition, type Condition, type Mapper, type Use } from './use.ts';

export type {
  AnyTcc,
  ConditionalReserveOptions,
  Reservations,
  ReserveOptions,
  Tcc,
  TccBuilder,
  TccContext,
  TccOptions,
} from './tcc-types.ts';

interface Draft {
  readonly options: Required<TccOptions<Schema>>;
  readonly stages: readonly (readonly Use[])[];
}

const DEFAULT_MARGIN_MS = 15_000;

/** What a mapper of a TCC sees, of what the engine gives. */
function asHolds(map: (context: never) => unknown): Mapper {
  return (values: Values) =>
    map({
      get input() {
        return values.input;
      },
      holds: values.results,
    } as never);
}

function useResource(
  { name: tcc, deadlineMs, marginMs }: Draft['options'],
  resource: AnyResource,
  input: Mapper,
  options: ReserveOptions & { readonly when?: Condition },
): Use {
  if (resource?.kind !== 'resource') {
    throw new AmendsError('INVALID_DEFINITION', `tcc "${tcc}": .reserve() takes what resource({ … }) gives, not ${typeof resource}`);
  }
  const where = `tcc "${tcc}": reservation "${resource.name}"`;
  if (typeof input !== 'function') {
    throw new AmendsError('INVALID_DEFINITION', `${where}: say what is reserved, ({ input, holds }) => ({ … })`);
  }
  const { when } = options;
  checkCondition(where, when);
  const { name, service, holdForMs, renewable, contract, confirmPolicy } = resource;
  if (renewable && holdForMs < 2 * marginMs) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `${where} is held for ${holdForMs} ms, less than twice the margin (${marginMs} ms): there would be no time to renew it; raise its holdForMs to ${2 * marginMs}`,
    );
  }
  if (!renewable && holdForMs < deadlineMs + marginMs) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `${where} is held for ${holdForMs} ms, less than the deadline (${deadlineMs} ms) and the margin (${marginMs} ms) together: its hold could run out before it is confirmed; raise its holdForMs to ${deadlineMs + marginMs}, or lower deadlineMs`,
    );
  }
  return {
    contract,
    input: asHolds(input),
    when: when === undefined ? undefined : (asHolds(when) as Condition),
    planStep: {
      name,
      service: service ?? null,
      kind: 'reservation',
      conditional: when !== undefined,
      action: resolvePolicy(where, options, contract.policy),
      compensation: contract.compensationPolicy,
      ...marked({ input: contract.input, result: contract.result }),
      hold: Object.freeze({ forMs: holdForMs, confirm: confirmPolicy, ...(renewable ? { renewable } : {}) }),
    },
  };
}

function tccOf({ options, stages }: Draft, returns: Mapper | undefined): AnyTcc {
  let plan: Plan | undefined;
  const { name, version, input, deadlineMs, marginMs } = options;
  return {
    kind: 'tcc',
    name,
    version,
    input,
    get plan(): Plan {
      plan ??= buildPlan({
        kind: 'tcc',
        name,
        version,
        deadlineMs,
        marginMs,
        ...marked({ input }),
        stages: stages.map((stage) => stage.map(({ planStep }) => planStep)),
      });
      return plan;
    },
    contracts: Object.freeze(stages.flat().flatMap(({ contract }) => (contract?.kind === 'step' ? [contract] : []))),
    signals: Object.freeze([]),
    bindings: bindingsOf(`tcc "${name}"`, stages, returns === undefined ? undefined : asHolds(returns)),
  };
}

/** The reservations of a parallel group so far; adding one gives a new group. */
class Group {
  readonly options: Draft['options'];
  readonly uses: readonly Use[];

  constructor(options: Draft['options'], uses: readonly Use[]) {
    this.options = options;
    this.uses = uses;
  }

  reserve(resource: AnyResource, input: Mapper, options: ReserveOptions = {}): Group {
    return new Group(this.options, [...this.uses, useResource(this.options, resource, input, options)]);
  }
}

function builderOf(draft: Draft): TccBuilder<unknown, unknown, unknown> {
  const { options } = draft;
  const extend = (stage: readonly Use[]): unknown => {
    const next: Draft = { ...draft, stages: [...draft.stages, stage] };
    void tccOf(next, undefined).plan; // refuses what is wrong at the line that makes it
    return builderOf(next);
  };
  const builder = Object.defineProperties(
    {
      reserve: (resource: AnyResource, input: Mapper, how: ReserveOptions | undefined) =>
        extend([useResource(options, resource, input, how ?? {})]),
      parallel(build: (reservations: Group) => unknown): unknown {
        const group: unknown = build(new Group(options, []));
        if (group instanceof Group) return extend(group.uses);
        throw new AmendsError(
          'INVALID_DEFINITION',
          `tcc "${options.name}": .parallel() needs the group back: (all) => all.reserve(…).reserve(…), without braces or with return`,
        );
      },
      returns(map: Mapper): AnyTcc {
        const defined = tccOf(draft, map);
        void defined.plan;
        return Object.freeze(defined);
      },
    },
    Object.getOwnPropertyDescriptors(tccOf(draft, undefined)),
  );
  return Object.freeze(builder) as unknown as TccBuilder<unknown, unknown, unknown>;
}

/**
 * Begins a TCC: everything is held first, one verdict is stored, and then everything is confirmed, or everything is cancelled.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example
 * const checkout = tcc({ name: 'checkout', version: 1, input: CheckoutInput, deadlineMs: 30_000 })
 *   .reserve(stock, ({ input }) => ({ sku: input.sku, quantity: 1 }))
 *   .reserve(credit, ({ input, holds }) => ({ customerId: input.customerId, cents: holds.stock.cents }))
 *   .returns(({ holds }) => ({ lot: holds.stock.lot }));
 */
export function tcc<S extends Schema>(options: TccOptions<S>): TccBuilder<InputOf<S>, OutputOf<S>, {}> {
  const name = checkName('tcc', options.name);
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_DEFINITION', `tcc "${name}": ${problem}`);
  };
  const { version, input, deadlineMs, marginMs = DEFAULT_MARGIN_MS } = options;
  if (!Number.isSafeInteger(version) || version < 1) refuse(`version is ${String(version)}: give a whole number from 1`);
  if (!isSchema(input)) refuse('give input, a schema such as z.object({ … })');
  if (!Number.isSafeInteger(deadlineMs) || deadlineMs < 1) {
    refuse(`deadlineMs is ${String(deadlineMs)}: give a whole number of milliseconds; without a deadline holds would run out unnoticed`);
  }
  if (!Number.isSafeInteger(marginMs) || marginMs < 1) refuse(`marginMs is ${String(marginMs)}: give a whole number of milliseconds`);
  return builderOf({ options: { name, version, input, deadlineMs, marginMs }, stages: [] }) as unknown as TccBuilder<
    InputOf<S>,
    OutputOf<S>,
    {}
  >;
}
