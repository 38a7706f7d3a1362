import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { StepFailed } from '../../src/errors.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, orderSaga, useBench } from './fixture.ts';

describe.each(STORE_KINDS)('control and time on %s', (kind) => {
  const bench = useBench(kind);

  test('S70 a cancel from another process reaches an action in flight: signal, settle, undo', async () => {
    const begun = gate();
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        async run({ signal }) {
          begun.open();
          await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o70' });
    await begun.opened;
    expect(await (await bench.other()).get(run.id).cancel({ reason: 'customer called', by: 'ann' })).toBe(true);
    const outcome = await run.outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'compensated', reason: { message: 'cancelled by ann: customer called' } });
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
  });

  test('S71 S72 a cancel in backoff works at once; a second one, and one after the end, change nothing', async () => {
    const saga = orderSaga(bench.ledger, {
      charge_card: {
        retry: { attempts: 5, delayMs: 600_000, maxDelayMs: 600_000 },
        run() {
          throw new Error('away');
        },
      },
    });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o71' });
    await eventually(async () => expect((await run.view()).status).toBe('waiting'));
    expect(await run.cancel()).toBe(true);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    // Its outcome was unknown, so it is undone too.
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
    const before = await run.history();
    expect(await run.cancel()).toBe(false);
    expect(await run.history()).toEqual(before);
  });

  test('S71 a cancel of a saga that waits for a worker: nothing runs', async () => {
    const saga = orderSaga(bench.ledger);
    const run = await bench.amends.start(saga, { order: 'o71b' });
    expect(await run.cancel()).toBe(true);
    await bench.work([saga]);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(bench.ledger).toEqual([]);
  });

  test('S73 a cancel races the end: one winner, nothing in between', async () => {
    const saga = orderSaga(bench.ledger, { send_mail: {} });
    await bench.work([saga]);
    for (let i = 0; i < 10; i++) {
      const run = await bench.amends.start(saga, { order: `o73-${i}` });
      const cancelled = await run.cancel().catch(() => false);
      const { status } = await run.outcome({ timeoutMs: 15_000 });
      expect(status).toBe(cancelled ? 'compensated' : 'completed');
    }
    const net = new Map<string, number>();
    for (const effect of bench.ledger) net.set(effect, (net.get(effect) ?? 0) + 1);
    expect(net.get('reserve_stock') ?? 0).toBe((net.get('-reserve_stock') ?? 0) + (net.get('send_mail') ?? 0));
  });

  test('S61 S63 the deadline passes in backoff: undone then, not when the backoff ends', async () => {
    const saga = orderSaga(
      bench.ledger,
      {
        charge_card: {
          retry: { attempts: 5, delayMs: 600_000, maxDelayMs: 600_000 },
          run() {
            throw new Error('away');
          },
        },
      },
      { deadlineMs: 2_000 },
    );
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o63' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'compensated', reason: { message: 'its deadline passed' } });
    expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
  });

  test('S62 neither the deadline nor the turn interrupts a compensation in work', async () => {
    let fired = false;
    const saga = orderSaga(
      bench.ledger,
      {
        reserve_stock: {
          async compensate({ signal }) {
            signal.addEventListener('abort', () => (fired = true));
            await delay(2_500); // longer than two heartbeats
          },
        },
        charge_card: {
          run() {
            throw new StepFailed('declined');
          },
        },
      },
      { deadlineMs: 1_000 },
    );
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'o62' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(fired).toBe(false);
    expect(bench.ledger).toEqual(['reserve_stock', '-reserve_stock']);
  });

  test('S64 S65 the deadline passed before any worker was there: no effects', async () => {
    const saga = orderSaga(bench.ledger, {}, { deadlineMs: 1 });
    const run = await bench.amends.start(saga, { order: 'o64' });
    await eventually(async () => {
      const [started] = await run.history();
      expect(Date.now()).toBeGreaterThan(started!.atMs + 20);
    });
    await bench.work([saga]);
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'compensated', reason: { message: 'its deadline passed' } });
    expect(bench.ledger).toEqual([]);
  });

  test('an outcome that takes too long can be given up on, and asked for again', async () => {
    const slow = gate();
    const saga = orderSaga(bench.ledger, { charge_card: { run: () => slow.opened } });
    await bench.work([saga]);
    const run = await bench.amends.start(saga, { order: 'ow' });
    await expect(run.outcome({ timeoutMs: 30 })).rejects.toMatchObject({ code: 'OUTCOME_TIMEOUT' });
    await expect(run.outcome({ signal: AbortSignal.abort(new Error('bored')) })).rejects.toThrow('bored');
    const other = (await bench.other()).get(run.id);
    const soon = new AbortController();
    const waiting = other.outcome({ signal: soon.signal });
    soon.abort(new Error('bored too')); // while the client only begins to listen
    await expect(waiting).rejects.toThrow('bored too');
    const asked = other.outcome({ timeoutMs: 15_000 });
    slow.open();
    expect((await asked).status).toBe('completed');
  });
});
