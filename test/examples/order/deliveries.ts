import type { CompensationContext, StepContext, StepHandler, StepImplementation } from 'amends';
import { OrderInput } from '../../../examples/order/contracts.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function context(step: string, sagaId: string, input: unknown): StepContext<unknown> {
  return {
    input,
    sagaId,
    step,
    op: 'run',
    attempt: 1,
    idempotencyKey: `${sagaId}/${step}/run`,
    signal: new AbortController().signal,
    log: silent,
  };
}

/** Delivers an action as a worker would: the same key every time. */
export async function act(implementation: StepImplementation, sagaId: string, input: unknown): Promise<unknown> {
  const handler = implementation.handler as StepHandler<unknown, unknown>;
  return handler.run(context(implementation.step.name, sagaId, input));
}

/** Delivers a compensation; the outcome of the action counts as unknown, so no result is handed over. */
export async function undo(implementation: StepImplementation, sagaId: string, input: unknown): Promise<void> {
  const handler = implementation.handler as StepHandler<unknown, unknown>;
  const action = context(implementation.step.name, sagaId, input);
  await handler.compensate?.({
    ...action,
    op: 'compensate',
    idempotencyKey: `${sagaId}/${implementation.step.name}/compensate`,
    actionIdempotencyKey: action.idempotencyKey,
    result: undefined,
    reason: new Error('a later step failed'),
  } satisfies CompensationContext<unknown, unknown>);
}

/** Delivers again, with the same key, while the connection is lost. */
export async function untilAnswered<T>(deliver: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await deliver();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
    }
  }
}

/** The steps of an order with their input. */
export function inputsOf(order: unknown): readonly { readonly step: string; readonly input: unknown }[] {
  const { orderId, customerId, country, placedAt, lines, units, cents } = OrderInput.parse(order);
  return [
    { step: 'create_order', input: { orderId, customerId, country, placedAt, units, cents } },
    { step: 'reserve_inventory', input: { orderId, lines } },
    { step: 'charge_payment', input: { orderId, customerId, cents } },
  ];
}

export interface Played {
  readonly orderId: string;
  readonly status: 'rejected' | 'completed' | 'compensated';
  readonly failedAt?: string;
}

/** Runs an order without the engine: the three steps in a row, undone in reverse order when one is refused. */
export async function play(implementations: readonly StepImplementation[], order: { readonly orderId: string }): Promise<Played> {
  const { orderId } = order;
  if (!OrderInput.safeParse(order).success) return { orderId, status: 'rejected' };
  const done: (() => Promise<void>)[] = [];
  for (const { step, input } of inputsOf(order)) {
    const implementation = implementations.find((candidate) => candidate.step.name === step);
    if (implementation === undefined) throw new Error(`no code for ${step}`);
    try {
      await untilAnswered(() => act(implementation, orderId, input));
      done.unshift(() => untilAnswered(() => undo(implementation, orderId, input)));
    } catch (error) {
      if ((error as { code?: string }).code !== 'STEP_FAILED') throw error;
      for (const compensate of done) await compensate();
      return { orderId, status: 'compensated', failedAt: step };
    }
  }
  return { orderId, status: 'completed' };
}
