import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import { saga } from '../../src/flows/saga.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { connectTo, namedStep, orderSaga, startedOf, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('start on %s', (kind) => {
  const bench = useBench(kind);

  test('S90 the same id and payload, 100 at once: one saga, the same run to all', async () => {
    const definition = orderSaga(bench.ledger);
    await bench.work([definition]);
    const clients = [bench.amends, await bench.other()];
    const runs = await Promise.all(
      Array.from({ length: 100 }, (_, i) => clients[i % 2]!.start(definition, { order: 'o90' }, { id: 's90' })),
    );
    const outcomes = await Promise.all(runs.map((run) => run.outcome({ timeoutMs: 25_000 })));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['completed']));
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });

  test('S91 the same id with another payload, or another saga: conflict, and nothing changed', async () => {
    const definition = orderSaga(bench.ledger);
    const other = saga({ name: 'other', version: 1, input: z.object({ order: z.string() }) }).step(
      namedStep('only', bench.ledger),
      ({ input }) => input,
    );
    const run = await bench.amends.start(definition, { order: 'o91' }, { id: 's91' });
    const before = await run.history();
    await expect(bench.amends.start(definition, { order: 'else' }, { id: 's91' })).rejects.toMatchObject({ code: 'TRANSACTION_CONFLICT' });
    await expect(bench.amends.start(other, { order: 'o91' }, { id: 's91' })).rejects.toMatchObject({ code: 'TRANSACTION_CONFLICT' });
    expect(await run.history()).toEqual(before);
    await run.cancel();
  });

  test('S92 after completion: the same outcome, and nothing runs again', async () => {
    const definition = orderSaga(bench.ledger);
    await bench.work([definition]);
    const first = await bench.amends.start(definition, { order: 'o92' }, { id: 's92' });
    const outcome = await first.outcome({ timeoutMs: 15_000 });
    const again = await (await bench.other()).start(definition, { order: 'o92' }, { id: 's92' });
    expect(await again.outcome({ timeoutMs: 15_000 })).toEqual(outcome);
    expect(bench.ledger).toHaveLength(4);
  });

  test('S93 a start that died between journal and queue is made good by the next start with this id', async () => {
    const definition = orderSaga(bench.ledger);
    await bench.work([definition]);
    const engine = engineOf(bench.amends);
    const input = { order: 'o93' };
    const { plan, bindings } = definition;
    await engine.transactions.start({ plan, bindings }, 's93', startedOf(definition, input)); // and here the process dies
    const run = await bench.amends.start(definition, input, { id: 's93' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    // The step whose job had to be put back may have run before: that is on record.
    expect((await run.history()).map(({ event }) => event.type)).toContain('attempt_lost');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });

  test('jobs that arrive before their transaction wait for it', async () => {
    const definition = orderSaga(bench.ledger);
    const { plan, bindings } = definition;
    const { queues, transactions } = engineOf(bench.amends);
    const first = operationJob(plan, 'early', 'reserve_stock', 'run');
    await queues.addFlow(rootJob({ id: 'early', saga: 'order' }), [first]);
    await bench.work([definition]);
    await eventually(async () => expect(await queues.stateOf(first)).toBe('delayed'));
    await transactions.start({ plan, bindings }, 'early', startedOf(definition, { order: 'o' }));
    const run = bench.amends.get('early');
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect((await run.history()).map(({ event }) => event.type)).not.toContain('attempt_lost');
    expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  });

  test('a start that the journal refuses leaves no jobs', async () => {
    const definition = orderSaga(bench.ledger);
    const { journal, queues } = engineOf(bench.amends);
    await bench.amends.start(definition, { order: 'before' });
    const before = await queues.counts('saga-order');
    const ids: string[] = [];
    const commit = vi.spyOn(journal, 'commit').mockImplementation(({ id }) => {
      ids.push(id);
      return delay(20).then(() => Promise.reject(new Error('the disk is full')));
    });
    try {
      await expect(bench.amends.start(definition, { order: 'o' })).rejects.toThrow('the disk is full');
      await expect(bench.amends.start(definition, { order: 'o' }, { id: 'refused' })).rejects.toThrow('the disk is full');
    } finally {
      commit.mockRestore();
    }
    expect(await queues.counts('saga-order')).toEqual(before);
    for (const id of ids)
      expect(
        await bench.amends
          .get(id)
          .history()
          .catch(() => 'none'),
      ).toBe('none');
  });

  test('S95 unknown shape, hostile id and oversize input are refused and nothing is stored', async () => {
    const anything = saga({ name: 'anything', version: 1, input: z.any() }).step(namedStep('only', bench.ledger), () => ({ order: 'x' }));
    const before = (await bench.amends.list()).transactions.length;
    const refused = async (input: unknown, id: string | undefined, code: string): Promise<void> => {
      await expect(bench.amends.start(anything, input, id === undefined ? {} : { id })).rejects.toMatchObject({ code });
    };
    await refused({ at: new Date() }, 's95', 'PAYLOAD_NOT_JSON');
    await refused({ big: 10n }, 's95', 'PAYLOAD_NOT_JSON');
    await refused({ text: 'x'.repeat(2 * 1024 * 1024) }, 's95', 'PAYLOAD_TOO_LARGE');
    await refused({}, '../etc/passwd', 'INVALID_ID');
    await refused({}, 'line\nbreak', 'INVALID_ID');
    const strict = orderSaga(bench.ledger);
    await expect(bench.amends.start(strict, { order: 7 } as never)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('order'),
    });
    await expect(bench.amends.start(strict, { order: 'x' }, { tags: { '__proto__x!': 'y' } })).rejects.toMatchObject({
      code: 'INVALID_DEFINITION',
    });
    expect((await bench.amends.list()).transactions).toHaveLength(before);
  });

  test('O14 another plan under the same version is refused, a new version beside the old one is not', async () => {
    const first = orderSaga(bench.ledger);
    const changed = saga({ name: 'order', version: 1, input: z.object({ order: z.string() }) }).step(
      namedStep('only', bench.ledger),
      ({ input }) => input,
    );
    await bench.amends.start(first, { order: 'o14a' });
    await expect((await connectAgain()).start(changed, { order: 'o14b' })).rejects.toMatchObject({ code: 'PLAN_CHANGED' });
    await expect((await connectAgain()).worker({ sagas: [changed] }).run()).rejects.toMatchObject({ code: 'PLAN_CHANGED' });
    const second = orderSaga(bench.ledger, {}, { version: 2 });
    await bench.work([first, second]);
    for (const definition of [first, second]) {
      const run = await bench.amends.start(definition, { order: 'o14c' });
      expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    }

    async function connectAgain() {
      return kind === 'embedded' ? bench.amends : bench.other();
    }
  });

  test('a closed connection says so', async () => {
    const amends = kind === 'embedded' ? bench.amends : await connectTo(bench.store);
    await amends.close();
    await amends.close();
    await expect(amends.start(orderSaga(bench.ledger), { order: 'x' })).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => amends.get('x')).toThrow('connect() again');
  });
});
