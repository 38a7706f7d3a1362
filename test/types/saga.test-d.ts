// oxlint-disable vitest/expect-expect -- the compiler is what these tests ask: each wrong use has to be an error
import { expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { saga, type Saga } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { step } from '../../src/flows/step.ts';
import type { SagaRun } from '../../src/producers/run.ts';

const Input = z.object({ customerId: z.string(), cents: z.number(), gift: z.boolean().default(false) });
interface In {
  customerId: string;
  cents: number;
  gift?: boolean | undefined;
}
interface Data {
  customerId: string;
  cents: number;
  gift: boolean;
}

const create = step({
  name: 'create',
  service: 'orders',
  input: z.object({ customerId: z.string() }),
  result: z.object({ orderId: z.string() }),
});
const score = step({ name: 'score', service: 'risk', input: z.object({ customerId: z.string() }), result: z.number() });
const wrap = step({ name: 'wrap', service: 'stock', input: z.object({ orderId: z.string() }), result: z.object({ wrapId: z.string() }) });
const charge = step({
  name: 'charge',
  service: 'payments',
  input: z.object({ orderId: z.string(), cents: z.number(), note: z.string().optional() }),
  result: z.object({ chargeId: z.string() }),
});

const order = saga({ name: 'order', version: 1, input: Input });
const created = order.step(create, ({ input }) => ({ customerId: input.customerId }));

test('a mapper sees the parsed input and the results so far, keyed by the name of their step', () => {
  order.step(create, (context) => {
    expectTypeOf(context.input).toEqualTypeOf<Data>();
    expectTypeOf(context.results).toEqualTypeOf<{}>();
    return { customerId: 'c' };
  });
  created
    .step(score, ({ input }) => ({ customerId: input.customerId }))
    .step(charge, ({ results }) => {
      expectTypeOf(results).toEqualTypeOf<{ readonly create: { orderId: string }; readonly score: number }>();
      return { orderId: results.create.orderId, cents: results.score };
    });
});

test('a later step sees earlier results and never later ones', () => {
  // @ts-expect-error nothing has run before the first step
  order.step(create, ({ results }) => ({ customerId: results.create.orderId }));
  // @ts-expect-error a step does not see its own result
  created.step(charge, ({ results }) => ({ orderId: results.charge.chargeId, cents: 1 }));
  // @ts-expect-error nor one that comes later
  created.step(wrap, ({ results }) => ({ orderId: results.charge.chargeId })).step(charge, () => ({ orderId: 'o', cents: 1 }));
});

test('a result may be undefined exactly if its step is conditional', () => {
  const conditional = created.step(wrap, ({ results }) => ({ orderId: results.create.orderId }), { when: ({ input }) => input.gift });
  conditional.returns(({ results }) => {
    expectTypeOf(results).toEqualTypeOf<{ readonly create: { orderId: string }; readonly wrap: { wrapId: string } | undefined }>();
  });
  // @ts-expect-error it may have been skipped
  conditional.returns(({ results }) => results.wrap.wrapId);
  created
    .step(wrap, () => ({ orderId: 'o' }), { retry: { attempts: 2 }, timeoutMs: 10 })
    .returns(({ results }) => expectTypeOf(results.wrap).toEqualTypeOf<{ wrapId: string }>());
  created
    .parallel((all) => all.step(wrap, () => ({ orderId: 'o' }), { when: () => true }).step(score, () => ({ customerId: 'c' })))
    .returns(({ results }) => {
      expectTypeOf(results.wrap).toEqualTypeOf<{ wrapId: string } | undefined>();
      expectTypeOf(results.score).toEqualTypeOf<number>();
    });
});

test('when sees what a mapper sees, and answers yes or no', () => {
  created.step(wrap, () => ({ orderId: 'o' }), {
    when: ({ input, results }) => {
      expectTypeOf(input).toEqualTypeOf<Data>();
      expectTypeOf(results.create).toEqualTypeOf<{ orderId: string }>();
      return input.gift;
    },
  });
  // @ts-expect-error a promise is neither
  created.step(wrap, () => ({ orderId: 'o' }), { when: async () => true });
  // @ts-expect-error nor is a text
  created.step(wrap, () => ({ orderId: 'o' }), { when: ({ input }) => input.customerId });
});

test('a mapper gives what the contract takes', () => {
  created.step(charge, ({ input }) => ({ orderId: 'o', cents: input.cents }));
  created.step(charge, ({ input }) => ({ orderId: 'o', cents: input.cents, note: 'gift' }));
  // @ts-expect-error cents is missing
  created.step(charge, () => ({ orderId: 'o' }));
  // @ts-expect-error cents is a number
  created.step(charge, () => ({ orderId: 'o', cents: '12' }));
  // @ts-expect-error a mapper is pure, so it is not asynchronous
  created.step(charge, async () => ({ orderId: 'o', cents: 1 }));
  // @ts-expect-error a mapper is needed
  created.step(charge);
  // @ts-expect-error the input has no such field
  created.step(charge, ({ input }) => ({ orderId: input.orderId, cents: 1 }));
});

test('what is written literally is typed by the contract', () => {
  const pay = step({ name: 'pay', service: 's', input: z.object({ currency: z.enum(['eur', 'usd']) }), result: z.null() });
  created.step(pay, () => ({ currency: 'eur' }));
  created.step(pay, ({ input }) => ({ currency: input.gift ? 'eur' : 'usd' }), { when: () => true });
  created.parallel((all) => all.step(pay, ({ input }) => ({ currency: input.gift ? 'eur' : 'usd' })));
  // @ts-expect-error no such currency
  created.step(pay, () => ({ currency: 'gbp' }));
});

test('what the schema of a step fills in by itself may be left out', () => {
  const withDefault = step({ name: 'd', service: 's', input: z.object({ n: z.number().default(1) }), result: z.null() });
  created.step(withDefault, () => ({}));
});

test('a name that is taken is an error that says so', () => {
  const again = step({ name: 'create', service: 's', input: z.object({ customerId: z.string() }), result: z.null() });
  // @ts-expect-error "create" is already a step of this saga
  created.step(again, () => ({ customerId: 'c' }));
  // @ts-expect-error also with a condition
  created.step(again, () => ({ customerId: 'c' }), { when: () => true });
  // @ts-expect-error also in a parallel group
  created.parallel((all) => all.step(again, () => ({ customerId: 'c' })));
  // @ts-expect-error also twice in one
  order.parallel((all) => all.step(score, () => ({ customerId: 'c' })).step(score, () => ({ customerId: 'c' })));
  // @ts-expect-error also after one
  order.parallel((all) => all.step(create, () => ({ customerId: 'c' }))).step(again, () => ({ customerId: 'c' }));
});

test('branches of a group do not see each other, what follows sees them all', () => {
  created
    .parallel((all) =>
      all
        .step(score, ({ input, results }) => {
          expectTypeOf(results).toEqualTypeOf<{ readonly create: { orderId: string } }>();
          return { customerId: input.customerId };
        })
        .step(wrap, ({ results }) => {
          expectTypeOf(results).toEqualTypeOf<{ readonly create: { orderId: string } }>();
          return { orderId: results.create.orderId };
        }),
    )
    .step(charge, ({ results }) => {
      expectTypeOf(results).toEqualTypeOf<{
        readonly create: { orderId: string };
        readonly score: number;
        readonly wrap: { wrapId: string };
      }>();
      return { orderId: results.create.orderId, cents: results.score };
    });
  created.parallel((all) =>
    // @ts-expect-error a branch runs at the same time as its siblings
    all.step(score, () => ({ customerId: 'c' })).step(charge, ({ results }) => ({ orderId: 'o', cents: results.score })),
  );
});

test('the output is what returns() gives, or the map of all results', () => {
  const whole = created.step(score, () => ({ customerId: 'c' }));
  expectTypeOf(whole).toExtend<Saga<In, { readonly create: { orderId: string }; readonly score: number }>>();
  const mapped = whole.returns(({ results }) => ({ id: results.create.orderId, risky: results.score > 3 }));
  expectTypeOf(mapped).toEqualTypeOf<
    Saga<In, { id: string; risky: boolean }, { readonly create: { orderId: string } } & { readonly score: number }>
  >();
  // @ts-expect-error nothing follows returns()
  mapped.step(charge, () => ({ orderId: 'o', cents: 1 }));
});

test('what the saga is started with is the input of its schema, before defaults', () => {
  expectTypeOf<NonNullable<(typeof created)['~types']>['in']>().toEqualTypeOf<In>();
});

test('inline steps and contracts mix', () => {
  order
    .step(
      step({
        name: 'local',
        input: z.object({ id: z.string() }),
        result: z.object({ seen: z.boolean() }),
        run: ({ input }) => ({ seen: input.id === '' }),
        compensate: ({ result }) => expectTypeOf(result).toEqualTypeOf<{ seen: boolean } | undefined>(),
      }),
      ({ input }) => ({ id: input.customerId }),
    )
    .step(charge, ({ results }) => {
      expectTypeOf(results.local).toEqualTypeOf<{ seen: boolean }>();
      return { orderId: 'o', cents: 1 };
    });
});

test('wrong definitions', () => {
  // @ts-expect-error a saga has a version
  saga({ name: 'order', input: Input });
  // @ts-expect-error a number
  saga({ name: 'order', version: '1', input: Input });
  // @ts-expect-error and a schema
  saga({ name: 'order', version: 1, input: { customerId: 'string' } });
  // @ts-expect-error a step is what step() gives
  created.step({ name: 'charge' }, () => ({}));
  // @ts-expect-error a misspelt option
  created.step(charge, () => ({ orderId: 'o', cents: 1 }), { pivott: true });
  // @ts-expect-error the group has to be given back
  created.parallel((all) => {
    all.step(score, () => ({ customerId: 'c' }));
  });
  // @ts-expect-error the plan can't be changed
  created.plan.stages[0] = [];
});

test('what came with a signal is a result, and may be undefined exactly if the wait may end without it', () => {
  const approval = signal({ name: 'approval', data: z.object({ by: z.string(), at: z.coerce.date() }) });
  const data = { by: '', at: new Date() };
  created.waitFor(approval).step(wrap, ({ results }) => {
    expectTypeOf(results.approval).toEqualTypeOf<typeof data>();
    return { orderId: results.create.orderId };
  });
  created.waitFor(approval, { timeoutMs: 1, onTimeout: 'continue' }).returns(({ results }) => {
    expectTypeOf(results.approval).toEqualTypeOf<typeof data | undefined>();
  });
  created.waitFor(approval, { when: ({ results }) => results.create.orderId !== '' }).returns(({ results }) => {
    expectTypeOf(results.approval).toEqualTypeOf<typeof data | undefined>();
  });
  created
    .parallel((all) => all.step(wrap, () => ({ orderId: 'o' })).waitFor(approval, { timeoutMs: 1, onTimeout: 'fail' }))
    .sleep('pause', ({ input, results }) => (input.gift ? results.approval.at : 5))
    .returns(({ results }) => {
      expectTypeOf(results).toEqualTypeOf<{
        readonly create: { orderId: string };
        readonly wrap: { wrapId: string };
        readonly approval: typeof data;
      }>();
    });
  // @ts-expect-error a timeout that is to be passed over needs a time
  created.waitFor(approval, { onTimeout: 'continue' });
  // @ts-expect-error the name is taken
  created.waitFor(approval).waitFor(approval);
  // @ts-expect-error a step is no signal
  created.waitFor(wrap);
  // @ts-expect-error a signal is no step
  created.step(approval, () => ({}));
  // @ts-expect-error neither milliseconds nor a Date
  created.sleep('pause', () => 'a day');
  const run = {} as SagaRun<unknown>;
  void run.signal(approval, { by: 'ann', at: '2026-01-01' });
  // @ts-expect-error its data is missing
  void run.signal(approval, { by: 'ann' });
});
