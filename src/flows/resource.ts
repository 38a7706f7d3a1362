import { AmendsError } from '../errors.ts';
import { checkName } from './names.ts';
import { DEFAULT_ACTION_POLICY, DEFAULT_COMPENSATION_POLICY, resolvePolicy, type AttemptPolicy, type RetryPolicy } from './policy.ts';
import { codeOf, type ResourceHandler } from './resource-code.ts';
import { isSchema, type InputOf, type OutputOf, type Schema } from './schema.ts';
import type { AnyStep } from './step.ts';

/** A resource's contract: what can be held in a TCC, with its schemas and policies. It holds code only when it was written inline. */
export interface Resource<Name extends string, In, Args, Hold> {
  readonly kind: 'resource';
  readonly name: Name;
  /** The service that holds it; `undefined` for an inline resource, which runs where its TCC does. */
  readonly service: string | undefined;
  readonly input: Schema;
  readonly hold: Schema;
  readonly holdForMs: number;
  readonly renewable: boolean;
  readonly confirmPolicy: AttemptPolicy;
  /** What the engine runs: its action is the try, its compensation the cancel. */
  readonly contract: AnyStep;
  readonly '~types'?: { readonly in: In; readonly args: Args; readonly hold: Hold };
}

/** A resource of any type. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every resource
export type AnyResource = Resource<string, any, any, any>;

interface OperationOptions {
  readonly timeoutMs?: number;
  readonly retry?: RetryPolicy;
}

export interface ResourceOptions<Name extends string, I extends Schema, H extends Schema> {
  /** Unique in its TCC; holds are keyed by it. Letters, digits, `_` and `-`. */
  readonly name: Name;
  /** The service whose workers hold it, and so the queue its operations wait in. Needed unless `try` is given here. */
  readonly service?: string;
  /** Parses what the TCC asks for. What is handed over must be plain JSON. */
  readonly input: I;
  /** Checks what `try` gives: what `confirm` and `cancel` find the reservation by. It must be plain JSON. */
  readonly hold: H;
  /**
   * How long the participant keeps what it holds, in milliseconds. At least the TCC's deadline and its margin together, so that a hold is
   * still there when it is confirmed; with `renewable` twice the margin is enough.
   */
  readonly holdForMs: number;
  /** The code has a `renew`: while there is no verdict the hold is prolonged before it runs out. Default `false`. */
  readonly renewable?: boolean;
  /** Longest run of one try, in milliseconds; the outcome of one that takes longer is unknown. Default 30 000. */
  readonly timeoutMs?: number;
  /** Of the try. Default: 5 attempts, exponential from 200 ms up to 30 s, half of it jitter. */
  readonly retry?: RetryPolicy;
  /** Default: 30 000 ms and 10 attempts; after the last one the TCC is stuck and waits for a person. */
  readonly confirmation?: OperationOptions;
  /** The same for the cancel. */
  readonly cancellation?: OperationOptions;
}

/** The code of an inline resource. Conditional, so that the schemas are resolved when the compiler looks at the code's literals. */
type InlineHandler<I extends Schema, H extends Schema> = [I, H] extends [Schema, Schema]
  ? Partial<ResourceHandler<OutputOf<I>, OutputOf<H>>>
  : never;

/** Refuses code that is not whole: what was tried must be confirmed or cancelled. */
function checkOperations(where: string, handler: Partial<ResourceHandler<never, unknown>>, renewable: boolean): void {
  if (renewable !== (typeof handler.renew === 'function')) {
    const problem = renewable ? 'is renewable: give renew, a function' : 'has a renew: say renewable: true in its contract';
    throw new AmendsError('INVALID_DEFINITION', `${where} ${problem}`);
  }
  for (const name of ['try', 'confirm', 'cancel'] as const) {
    if (typeof handler[name] !== 'function') {
      throw new AmendsError('INVALID_DEFINITION', `${where}: ${name} is missing: give try, confirm and cancel, each a function`);
    }
  }
}

/**
 * Declares a resource that a TCC can hold. With `try`, `confirm` and `cancel` it is complete; without, it is a contract that
 * {@link implementResource} fills in the service's process.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example
 * const stock = resource({
 *   name: 'stock', service: 'inventory', holdForMs: 60_000,
 *   input: z.object({ sku: z.string(), quantity: z.int() }), hold: z.object({ lot: z.string() }),
 * });
 */
export function resource<const Name extends string, I extends Schema, H extends Schema>(
  options: ResourceOptions<Name, I, H> & InlineHandler<I, H>,
): Resource<Name, InputOf<I>, OutputOf<I>, OutputOf<H>> {
  const name = checkName('resource', options.name) as Name;
  const where = `resource "${name}"`;
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_DEFINITION', `${where}: ${problem}`);
  };
  if (!isSchema(options.input) || !isSchema(options.hold)) refuse('give input and hold, each a schema such as z.object({ … })');
  const { service, holdForMs } = options;
  if (service !== undefined) checkName('service', service);
  if (!Number.isSafeInteger(holdForMs) || holdForMs < 1) {
    refuse(`holdForMs is ${String(holdForMs)}: give a whole number of milliseconds, longer than the deadline of the TCCs that reserve it`);
  }
  const handler: Partial<ResourceHandler<never, unknown>> = options;
  const isInline = handler.try !== undefined || handler.confirm !== undefined || handler.cancel !== undefined;
  const renewable = options.renewable ?? false;
  if (isInline) checkOperations(where, handler, renewable);
  else if (service === undefined)
    refuse("say which service holds it (service: '…'), or give its code here (try: …, confirm: …, cancel: …)");
  return Object.freeze({
    kind: 'resource' as const,
    name,
    service,
    input: options.input,
    hold: options.hold,
    holdForMs,
    renewable,
    confirmPolicy: resolvePolicy(`${where}: confirmation`, options.confirmation ?? {}, DEFAULT_COMPENSATION_POLICY),
    contract: Object.freeze({
      kind: 'step' as const,
      name,
      service,
      input: options.input,
      result: options.hold,
      policy: resolvePolicy(where, options, DEFAULT_ACTION_POLICY),
      compensationPolicy: resolvePolicy(`${where}: cancellation`, options.cancellation ?? {}, DEFAULT_COMPENSATION_POLICY),
      handler: isInline ? codeOf(handler as ResourceHandler<never, unknown>) : undefined,
    }),
  });
}

/** Conditional, so that it is known when the compiler looks at the code: literals in it are then typed by the contract. */
type HandlerOf<Args, Hold> = [Args, Hold] extends [infer A, infer H] ? ResourceHandler<A, H> : never;

/** A resource's code together with its contract, for a worker. */
export interface ResourceImplementation {
  readonly step: AnyStep;
  readonly handler: ReturnType<typeof codeOf>;
}

/**
 * Gives the code of a resource, in the process of the service that owns it.
 *
 * @throws {AmendsError} INVALID_DEFINITION when the contract already has code, or one of the three operations is missing
 * @example
 * const inventory = implementResource(stock, {
 *   try: async ({ input, expiresAt, transactionId }) => warehouse.hold(transactionId, input, expiresAt),
 *   confirm: async ({ hold }) => warehouse.take(hold.lot),
 *   cancel: async ({ hold, transactionId }) => warehouse.release(hold?.lot ?? transactionId),
 * });
 */
export function implementResource<Args, Hold>(
  // oxlint-disable-next-line typescript/no-explicit-any -- the input type plays no part in an implementation
  contract: Resource<string, any, Args, Hold>,
  handler: HandlerOf<Args, Hold>,
): ResourceImplementation {
  if (contract?.kind !== 'resource') {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `implementResource() takes what resource({ … }) gives and its code, not ${typeof contract}`,
    );
  }
  const where = `resource "${contract.name}"`;
  if (contract.contract.handler !== undefined) {
    throw new AmendsError('INVALID_DEFINITION', `${where} has its code inline: drop either that or this implementResource()`);
  }
  checkOperations(where, handler ?? {}, contract.renewable);
  return Object.freeze({ step: contract.contract, handler: codeOf(handler as ResourceHandler<never, unknown>) });
}
