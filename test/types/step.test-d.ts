// oxlint-disable vitest/expect-expect -- the compiler is what these tests ask: each wrong use has to be an error
import { assertType, expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { implement, type StepImplementation } from '../../src/flows/implement.ts';
import { step, type CompensationContext, type Step, type StepContext } from '../../src/flows/step.ts';

const input = z.object({ orderId: z.string(), cents: z.number() });
const result = z.object({ chargeId: z.string() });
interface Charge {
  orderId: string;
  cents: number;
}
interface Charged {
  chargeId: string;
}

const charge = step({ name: 'charge', service: 'payments', input, result });

test('a contract carries its name, what it is given, what its code sees and what it gives', () => {
  expectTypeOf(charge).toEqualTypeOf<Step<'charge', Charge, Charge, Charged>>();
  expectTypeOf(charge.name).toEqualTypeOf<'charge'>();
});

test('a schema with defaults and transforms: the mapper gives its input, the code gets its output', () => {
  const parsed = step({
    name: 'parsed',
    service: 's',
    input: z.object({ at: z.string().transform((text) => text.length), gift: z.boolean().default(false) }),
    result: z.string().transform(Number),
  });
  expectTypeOf(parsed).toEqualTypeOf<Step<'parsed', { at: string; gift?: boolean | undefined }, { at: number; gift: boolean }, number>>();
});

test('a schema that is not zod', () => {
  const digits = {} as StandardSchemaV1<string, number>;
  expectTypeOf(step({ name: 'd', service: 's', input: digits, result: digits })).toEqualTypeOf<Step<'d', string, number, number>>();
});

test('an inline step infers the contexts of its code', () => {
  const inline = step({
    name: 'charge',
    input,
    result,
    run: ({ input, idempotencyKey, signal, attempt, sagaId, log }) => {
      expectTypeOf(input).toEqualTypeOf<Charge>();
      expectTypeOf({ idempotencyKey, sagaId }).toEqualTypeOf<{ idempotencyKey: string; sagaId: string }>();
      expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
      expectTypeOf(attempt).toEqualTypeOf<number>();
      log.info({ attempt }, 'charging');
      return { chargeId: 'c' };
    },
    compensate: ({ input, result, reason, actionIdempotencyKey }) => {
      expectTypeOf(input).toEqualTypeOf<Charge>();
      expectTypeOf(result).toEqualTypeOf<Charged | undefined>();
      expectTypeOf(reason).toEqualTypeOf<Error>();
      expectTypeOf(actionIdempotencyKey).toEqualTypeOf<string>();
    },
    verify: async ({ input }) => {
      expectTypeOf(input).toEqualTypeOf<Charge>();
      return 'not-done';
    },
  });
  expectTypeOf(inline).toEqualTypeOf<Step<'charge', Charge, Charge, Charged>>();
});

test('an inline step may be asynchronous, and written as methods', () => {
  const inline = step({
    name: 'charge',
    input,
    result,
    async run({ input }) {
      return { chargeId: input.orderId };
    },
    async compensate({ result }) {
      expectTypeOf(result?.chargeId).toEqualTypeOf<string | undefined>();
    },
  });
  expectTypeOf(inline).toEqualTypeOf<Step<'charge', Charge, Charge, Charged>>();
});

test('implement() infers the contexts from the contract', () => {
  const payments = implement(charge, {
    run: async (context) => {
      expectTypeOf(context).toEqualTypeOf<StepContext<Charge>>();
      return { chargeId: context.input.orderId };
    },
    compensate: (context) => {
      expectTypeOf(context).toEqualTypeOf<CompensationContext<Charge, Charged>>();
      expectTypeOf(context.result).toEqualTypeOf<Charged | undefined>();
    },
    verify: async () => 'unknown',
  });
  expectTypeOf(payments).toEqualTypeOf<StepImplementation>();
});

const decide = step({ name: 'decide', service: 's', input, result: z.object({ verdict: z.enum(['yes', 'no']) }) });

test('what is written literally is typed by the contract, with and without parameters, now and later', () => {
  implement(decide, { run: () => ({ verdict: 'yes' }) });
  implement(decide, { run: async ({ input }) => ({ verdict: input.cents > 1 ? 'yes' : 'no' }), verify: async () => 'not-done' });
  step({
    name: 'decide',
    input,
    result: z.object({ verdict: z.enum(['yes', 'no']) }),
    run: async ({ input }) => ({ verdict: input.cents > 1 ? 'yes' : 'no' }),
  });
  // @ts-expect-error it is yes or no
  implement(decide, { run: () => ({ verdict: 'perhaps' }) });
});

test('a compensation may give anything: a promise is awaited, the rest is not used', () => {
  implement(charge, { run: () => ({ chargeId: 'c' }), compensate: async () => ({ refundId: 'r' }) });
  implement(charge, { run: () => ({ chargeId: 'c' }), compensate: () => 42 });
});

test('wrong code is a type error', () => {
  // @ts-expect-error the result lacks chargeId
  implement(charge, { run: () => ({}) });
  // @ts-expect-error chargeId is a string
  implement(charge, { run: async () => ({ chargeId: 1 }) });
  // @ts-expect-error run is needed
  implement(charge, { compensate: () => undefined });
  // @ts-expect-error the input has no customerId
  implement(charge, { run: ({ input }) => ({ chargeId: input.customerId }) });
  implement(charge, {
    run: () => ({ chargeId: 'c' }),
    // @ts-expect-error the result may be undefined: its outcome was never recorded
    compensate: ({ result }) => void result.chargeId,
  });
  // @ts-expect-error a question to another service has its answer later
  implement(charge, { run: () => ({ chargeId: 'c' }), verify: () => 'unknown' });
  implement(charge, {
    run: () => ({ chargeId: 'c' }),
    // @ts-expect-error neither a result nor 'not-done' nor 'unknown'
    verify: async () => 'perhaps',
  });
  // @ts-expect-error a step's contract is needed
  implement({ name: 'charge' }, { run: () => ({ chargeId: 'c' }) });

  // @ts-expect-error inline, too, the result lacks chargeId
  step({ name: 'charge', input, result, run: () => ({}) });
  // @ts-expect-error inline, too, the input has no customerId
  step({ name: 'charge', input, result, run: ({ input }) => ({ chargeId: input.customerId }) });
  // @ts-expect-error and chargeId is a string
  step({ name: 'charge', input, result, run: async () => ({ chargeId: 1 }) });
});

test('a wrong contract is a type error', () => {
  // @ts-expect-error a step needs a name
  step({ service: 's', input, result });
  // @ts-expect-error and schemas
  step({ name: 'charge', service: 's', input });
  // @ts-expect-error a description is no schema
  step({ name: 'charge', service: 's', input: { orderId: 'string' }, result });
  // @ts-expect-error 'linear' is no backoff
  step({ name: 'charge', service: 's', input, result, retry: { backoff: 'linear' } });
  // @ts-expect-error a misspelt option
  step({ name: 'charge', service: 's', input, result, timeoutMS: 5 });
});

test('a contract is what a step is', () => {
  assertType<{ readonly kind: 'step'; readonly name: string }>(charge);
  // @ts-expect-error it can't be changed
  charge.name = 'charge';
});
