// What an event stream's definition tells the compiler: what may be appended, what is read, what folds into the state.
import { expectTypeOf, test } from 'vitest';
import * as z from 'zod';
import { connectEvents, eventStream, type EventOf, type NewEventOf } from '../../src/index.ts';

interface OrderState {
  readonly status: 'none' | 'placed' | 'paid';
  readonly cents: number;
}

const builder = eventStream({
  name: 'order',
  version: 1,
  events: {
    placed: z.object({ cents: z.number(), email: z.string(), age: z.number(), gift: z.boolean().default(false) }),
    paid: z.object({ at: z.string() }),
  },
  personal: { placed: { fields: ['email', 'age'] } },
});
const orders = builder
  .initially((): OrderState => ({ status: 'none', cents: 0 }))
  .evolve({
    placed: (state, data, event) => {
      expectTypeOf(state).toEqualTypeOf<OrderState>();
      expectTypeOf(data.cents).toEqualTypeOf<number>();
      expectTypeOf(data.gift).toEqualTypeOf<boolean>();
      expectTypeOf(data.age).toEqualTypeOf<number | '[forgotten]'>();
      expectTypeOf(event.type).toEqualTypeOf<'placed'>();
      return { ...state, status: 'placed', cents: data.cents };
    },
    paid: (state) => ({ ...state, status: 'paid' }),
  });

test('an event to append is checked by its schema', async () => {
  await using connection = await connectEvents();
  const { events } = connection;
  await events.append(orders, 'o1', [{ type: 'placed', data: { cents: 1, email: 'a@b', age: 3 } }], { expectedVersion: 'none' });
  await events.append(builder, 'o1', [{ type: 'paid', data: { at: 'now' }, eventId: 'e1' }], { expectedVersion: 1 });
  // @ts-expect-error what is expected of the stream must be said
  await events.append(orders, 'o1', [{ type: 'paid', data: { at: 'now' } }], {});
  // @ts-expect-error no such event
  await events.append(orders, 'o1', [{ type: 'lost', data: {} }], { expectedVersion: 'any' });
  // @ts-expect-error the data of another event
  await events.append(orders, 'o1', [{ type: 'paid', data: { cents: 1 } }], { expectedVersion: 'any' });
  // @ts-expect-error no such expectation
  await events.append(orders, 'o1', [{ type: 'paid', data: { at: 'now' } }], { expectedVersion: 'new' });
  await events.appendAll((all) =>
    all
      .append(orders, 'o1', [{ type: 'paid', data: { at: 'now' } }], { expectedVersion: 1 })
      // @ts-expect-error the data of another event
      .append(orders, 'o2', [{ type: 'paid', data: { cents: 1 } }], { expectedVersion: 1 }),
  );
  expectTypeOf<NewEventOf<typeof orders>['type']>().toEqualTypeOf<'placed' | 'paid'>();
});

test('the type of an event that is read says what its data is', async () => {
  await using connection = await connectEvents();
  const { events } = connection;
  for await (const event of events.read(orders, 'o1', { fromVersion: 2 })) {
    expectTypeOf(event.type).toEqualTypeOf<'placed' | 'paid' | '$unknown'>();
    expectTypeOf(event.stream).toEqualTypeOf<'order'>();
    if (event.type === 'placed') expectTypeOf(event.data.email).toEqualTypeOf<string>();
    if (event.type === 'paid') expectTypeOf(event.data).toEqualTypeOf<{ at: string }>();
    if (event.type === '$unknown') expectTypeOf(event.data).toEqualTypeOf<unknown>();
  }
  const invoices = eventStream({ name: 'invoice', version: 1, events: { sent: z.object({ to: z.string() }) } });
  for await (const event of events.readAll({ events: [orders, invoices] })) {
    if (event.type === 'sent') expectTypeOf(event.stream).toEqualTypeOf<'invoice'>();
    expectTypeOf(event.position).toEqualTypeOf<number>();
  }
  expectTypeOf<EventOf<typeof invoices>['stream']>().toEqualTypeOf<'invoice'>();
});

test('a subscriber knows the events of the definitions it names', async () => {
  await using connection = await connectEvents();
  const { events } = connection;
  await events.subscribe('a', { events: [orders], from: 'start' }, (event) => {
    expectTypeOf(event.position).toEqualTypeOf<number>();
    if (event.type === 'paid') expectTypeOf(event.data).toEqualTypeOf<{ at: string }>();
  });
  await events.subscribe('b', { from: 'end' }, (event) => {
    expectTypeOf(event.eventType).toEqualTypeOf<string>();
    // @ts-expect-error no definition was given
    void event.data;
  });
  await events.subscribe('c', { events: ['transaction'], from: 0 }, (event) => expectTypeOf(event.aggregateType).toEqualTypeOf<string>());
  // @ts-expect-error where a new one begins must be said
  await events.subscribe('d', { events: [orders] }, () => undefined);
});

test('only a stream that folds can be loaded', async () => {
  await using connection = await connectEvents();
  const { events } = connection;
  const { state, version } = await events.load(orders, 'o1');
  expectTypeOf(state).toEqualTypeOf<OrderState>();
  expectTypeOf(version).toEqualTypeOf<number>();
  // @ts-expect-error it does not say how its events fold
  await events.load(builder, 'o1');
});

test('a definition is checked', () => {
  const events = { placed: z.object({ cents: z.number() }), paid: z.object({}) };
  const stream = eventStream({ name: 'order', version: 1, events });
  // @ts-expect-error what becomes of `paid`?
  stream.initially(() => 0).evolve({ placed: (sum, { cents }) => sum + cents });
  // @ts-expect-error the state is a number
  stream.initially(() => 0).evolve({ placed: () => 'text', paid: (sum) => sum });
  // @ts-expect-error no such event
  stream.upcast('lost', 1, (old: object) => old);
  const upcast = stream.upcast('placed', 1, (old: { euros: number }) => ({ cents: old.euros * 100 }));
  expectTypeOf(upcast.name).toEqualTypeOf<'order'>();
  // @ts-expect-error no such field
  eventStream({ name: 'order', version: 1, events, personal: { placed: { fields: ['email'] } } });
});
