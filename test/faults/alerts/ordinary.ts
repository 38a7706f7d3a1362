import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { StepFailed } from '../../../src/errors.ts';
import { eventStream } from '../../../src/events/event-stream.ts';
import type { AnyDefinition } from '../../../src/flows/definition.ts';
import { saga, type Saga } from '../../../src/flows/saga.ts';
import { step } from '../../../src/flows/step.ts';

const Input = z.object({ number: z.int() });
const Nothing = z.object({});

const reserve = step({
  name: 'reserve',
  input: Input,
  result: Nothing,
  run: () => ({}),
  // Works at the second try.
  compensate({ input, attempt }) {
    if (input.number % 2 === 0 && attempt === 1) throw new Error('the connection was reset');
  },
});

const charge = step({
  name: 'charge',
  input: Input,
  result: Nothing,
  async run({ input, attempt }) {
    await delay(20);
    if (input.number % 5 === 0 && attempt <= 2) throw new Error('the connection was reset');
    return {};
  },
  compensate: () => undefined,
});

const ship = step({
  name: 'ship',
  input: Input,
  result: Nothing,
  run({ input }) {
    if (input.number % 7 === 0) throw new StepFailed('nobody drives there');
    return {};
  },
  compensate: () => undefined,
});

/** An everyday order: some steps need a second try, some orders are refused and undo themselves. */
export const order: Saga<{ readonly number: number }, unknown> = saga({ name: 'order', version: 1, input: Input })
  .step(reserve, ({ input }) => input)
  .step(charge, ({ input }) => input)
  .step(ship, ({ input }) => input);

const report = step({
  name: 'report',
  input: Input,
  result: Nothing,
  run: async ({ signal }) => {
    await delay(22_000, undefined, { signal });
    return {};
  },
});

/** Takes long, but not longer than it may; and rests for a while. */
export const monthly: Saga<{ readonly number: number }, unknown> = saga({ name: 'monthly', version: 1, input: Input })
  .step(report, ({ input }) => input, { readOnly: true })
  .sleep('rest', 10_000);

export const ORDINARY: readonly AnyDefinition[] = [order, monthly];

export const placed = eventStream({ name: 'placed', version: 1, events: { placed: z.object({ number: z.int() }) } });
