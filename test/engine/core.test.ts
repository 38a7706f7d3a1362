import { describe, expect, test } from 'vitest';
import { SagaCompensatedError, SagaStuckError, StepFailed } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { orderSaga, useBench, type Behaviour } from './fixture.ts';

const always = (error: () => unknown) => (): never => {
  throw error();
};
const declined = always(() => new StepFailed('card declined'));
const vague = always(() => new Error('connection reset'));

describe.each(STORE_KINDS)('core on %s', (kind) => {
  const bench = useBench(kind);

  test('S01 all succeed: completed, each effect once, typed results', async () => {
    const saga = orderSaga(bench.ledger);
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o1' }, { tags: { customer: 'c1' } });
    expect(await run.result({ timeoutMs: 15_000 })).toEqual({ ref: 'create_shipment/o1' });
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
    const view = await run.view();
    expect(view.steps.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'reserve_stock succeeded',
      'charge_card succeeded',
      'create_shipment succeeded',
      'send_mail succeeded',
    ]);
    const { transactions } = await bench.amends.list({ tag: { customer: 'c1' }, status: ['completed'] });
    expect(transactions.map(({ id }) => id)).toEqual([run.id]);
  });

  test('S02 definite failure at step 3: undo 2 then 1, once each, cause kept', async () => {
    const saga = orderSaga(bench.ledger, { create_shipment: { run: always(() => new StepFailed('no carrier')) } });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o2' });
    const outcome = await run.outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({
      status: 'compensated',
      failedStep: 'create_shipment',
      reason: { message: 'no carrier', name: 'StepFailed' },
    });
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
    await expect(run.result()).rejects.toThrow(SagaCompensatedError);
  });

  test('S03 definite failure at step 1: nothing undone, compensated, cause kept', async () => {
    const saga = orderSaga(bench.ledger, { reserve_stock: { run: declined } });
    await bench.work([saga]);
    const outcome = await (await bench.amends.start(saga, { order: 'o3' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'compensated', failedStep: 'reserve_stock', reason: { message: 'card declined' } });
    expect(bench.ledger).toEqual([]);
  });

  test('S05 fails twice then works: attempts recorded, delays within policy', async () => {
    const keys = new Set<string>();
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        run({ attempt, idempotencyKey }) {
          keys.add(idempotencyKey);
          if (attempt < 3) throw new Error(`glitch ${attempt}`);
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o5' }, { id: 's05' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'completed' });
    const failures = (await run.history()).flatMap(({ event }) => (event.type === 'attempt_failed' ? [event.data] : []));
    expect(failures.map(({ attempt, error, retryInMs }) => ({ attempt, message: error.message, retryInMs }))).toEqual([
      { attempt: 1, message: 'glitch 1', retryInMs: 5 },
      { attempt: 2, message: 'glitch 2', retryInMs: 10 },
    ]);
    expect([...keys]).toEqual(['s05:charge_card:run']);
  });

  test('S06 attempts used up with unknown outcome: the step itself is undone as well', async () => {
    const saga = orderSaga(bench.ledger, { charge_card: { run: vague } });
    await bench.work([saga]);
    const outcome = await (await bench.amends.start(saga, { order: 'o6' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'compensated', failedStep: 'charge_card' });
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
  });

  test('S07 non-retryable: one attempt', async () => {
    let attempts = 0;
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        run() {
          attempts++;
          throw Object.assign(new Error('bad merchant id'), { retryable: false });
        },
      },
    });
    await bench.work([saga]);
    const outcome = await (await bench.amends.start(saga, { order: 'o7' })).outcome({ timeoutMs: 15_000 });
    expect(outcome.status).toBe('compensated');
    expect(attempts).toBe(1);
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
  });

  test('S13 an undo fails twice then works: backoff, the undo before it not started sooner', async () => {
    let failures = 0;
    const saga = orderSaga(bench.ledger, {
      create_shipment: { run: declined },
      charge_card: {
        compensate() {
          if (failures++ < 2) throw new Error('refund service away');
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o13' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
    const types = (await run.history()).map(({ event }) => event.type);
    expect(types.filter((type) => type === 'attempt_failed')).toHaveLength(2);
  });

  test('S14 S15 an undo always fails: stuck, the undos before it wait; a retry by an operator goes on', async () => {
    let broken = true;
    const saga = orderSaga(bench.ledger, {
      create_shipment: { run: declined },
      charge_card: {
        compensate() {
          if (broken) throw new Error('refund service gone');
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o14' });
    const outcome = await run.outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({
      status: 'stuck',
      failedStep: 'charge_card',
      reason: { message: 'refund service gone' },
      notCompensated: ['charge_card', 'reserve_stock'],
    });
    await expect(run.result()).rejects.toThrow(SagaStuckError);
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
    expect((await bench.amends.list({ status: ['stuck'] })).transactions.map(({ id }) => id)).toContain(run.id);

    broken = false;
    await run.retry({ reason: 'refund service is back', by: 'ann' });
    await eventually(async () => expect((await run.view()).status).toBe('compensated'));
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
    const asked = (await run.history()).find(({ event }) => event.type === 'retry_requested');
    expect(asked?.event.data).toMatchObject({ step: 'charge_card', by: 'ann', reason: 'refund service is back' });
    await expect(run.retry()).rejects.toThrow('it has ended as compensated');
  });

  test('S18 a readOnly step is passed over in the unwind', async () => {
    const saga = orderSaga(
      bench.ledger,
      { reserve_stock: { use: { readOnly: true } }, create_shipment: { run: declined } },
      { version: 18 },
    );
    await bench.work([saga]);
    await (await bench.amends.start(saga, { order: 'o18' })).outcome({ timeoutMs: 15_000 });
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card']);
  });

  test('S22 S23 an undo gets the input, the keys, and the recorded result or undefined', async () => {
    const seen: unknown[] = [];
    const look: Behaviour = {
      compensate: ({ input, result, idempotencyKey, actionIdempotencyKey, reason }) =>
        seen.push({ input, result, idempotencyKey, actionIdempotencyKey, reason: reason.message }),
    };
    const saga = orderSaga(bench.ledger, { reserve_stock: look, charge_card: { run: vague, ...look } });
    await bench.work([saga]);
    await (await bench.amends.start(saga, { order: 'o22' }, { id: 's22' })).outcome({ timeoutMs: 15_000 });
    expect(seen).toEqual([
      {
        input: { order: 'o22' },
        result: undefined,
        idempotencyKey: 's22:charge_card:compensate',
        actionIdempotencyKey: 's22:charge_card:run',
        reason: 'connection reset',
      },
      {
        input: { order: 'o22' },
        result: { ref: 'reserve_stock/o22' },
        idempotencyKey: 's22:reserve_stock:compensate',
        actionIdempotencyKey: 's22:reserve_stock:run',
        reason: 'connection reset',
      },
    ]);
  });

  test.each([
    ['a string', 'no'],
    ['undefined', undefined],
    [
      'a cycle',
      (() => {
        const cycle: Record<string, unknown> = {};
        cycle['self'] = cycle;
        return cycle;
      })(),
    ],
    ['a BigInt', 10n],
  ])('S24 an action that throws %s is a failure like any other', async (_what, thrown) => {
    const saga = orderSaga(bench.ledger, { charge_card: { run: always(() => thrown), retry: { attempts: 1 } } });
    await bench.work([saga]);
    const outcome = await (await bench.amends.start(saga, { order: 'o24' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({
      status: 'compensated',
      failedStep: 'charge_card',
      reason: { message: expect.stringContaining('threw') },
    });
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
  });

  test.each([
    ['a result with a BigInt', { ref: 10n }, 'does not fit its schema'],
    ['a result of 5 MB', { ref: 'x'.repeat(5 * 1024 * 1024) }, 'over the limit'],
    ['a result of another shape', { other: 1 }, 'does not fit its schema'],
  ])('S24 %s is refused after the effect, so the step is undone', async (_what, result, message) => {
    const saga = orderSaga(bench.ledger, { charge_card: { run: () => result } });
    await bench.work([saga]);
    const outcome = await (await bench.amends.start(saga, { order: 'o24b' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({
      status: 'compensated',
      failedStep: 'charge_card',
      reason: { message: expect.stringContaining(message) },
    });
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
  });
});
