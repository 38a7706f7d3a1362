import { Queue } from 'bullmq';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import { implement } from '../../src/flows/implement.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import type { AlertOptions } from '../../src/telemetry/alerts/options.ts';
import { resolveRules } from '../../src/telemetry/alerts/rules.ts';
import { QuietTransactions } from '../../src/workers/quiet-transactions.ts';
import { gate, namedStep, OrderInput, orderSaga, startedOf, useBench } from '../engine/fixture.ts';
import { useErrands } from '../faults/processes/errands.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { alertSink, SECRET, type Sink } from './sink.ts';

const UNTIL = { timeoutMs: 30_000 };
const LIMITS = { lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20 };

let sink: Sink;
beforeEach(async () => {
  sink = await alertSink();
});
afterEach(() => sink.close());

const to = (rules: AlertOptions['rules']): AlertOptions => ({
  channels: [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }],
  everyMs: 100,
  quietMs: 500,
  ...(rules === undefined ? {} : { rules }),
});
const told = () => sink.alerts.map(({ kind, rule }) => `${kind} ${rule}`);

describe.each(['redis', 'postgres'] as const)('a worker that is gone on %s', (kind) => {
  const errands = useErrands(kind);
  const conducts = { work: { kind: 'wait', heeds: true } } as const;

  test('the only one of a queue is killed in mid-job: another process tells it, for that job and for one that waits; resolved when one comes', async () => {
    const { bench } = errands;
    const killed = await errands.hire({ conducts }, { ...LIMITS, concurrency: 1 });
    const first = await bench.amends.start(errands.saga(), { errand: 'a' });
    await killed.hear('begun', 'work');
    await killed.kill();
    const second = await bench.amends.start(errands.saga(), { errand: 'b' });
    await bench.work([orderSaga(bench.ledger)], { alerts: to({ noWorker: { afterMs: 500 } }) });
    await eventually(() => expect(told()).toEqual(['raised noWorker', 'raised noWorker']), UNTIL);
    expect(new Set(sink.alerts.map(({ step: name }) => name))).toEqual(new Set(['prepare', 'work']));
    const taken = await errands.work(conducts, LIMITS);
    taken.finish.open();
    for (const run of [first, second]) expect((await run.outcome(UNTIL)).status).toBe('completed');
    await eventually(() => expect(told().slice(2)).toEqual(['resolved noWorker', 'resolved noWorker']), UNTIL);
  });

  test('one that was killed while its step backed off leaves nobody to try again', async () => {
    const { bench } = errands;
    const killed = await errands.hire({ conducts: { work: { kind: 'fail', times: 1_000 } } }, LIMITS);
    const run = await bench.amends.start(errands.saga(), { errand: 'a' });
    await eventually(async () => expect((await run.view()).steps.find(({ name }) => name === 'work')?.attempts).toBeGreaterThan(0), UNTIL);
    await killed.kill();
    await bench.work([orderSaga(bench.ledger)], { alerts: to({ noWorker: { afterMs: 500 }, overdue: false }) });
    await eventually(() => expect(told()).toContain('raised noWorker'), UNTIL);
  });
});

describe.each(STORE_KINDS)('what hangs or hides on %s', (kind) => {
  const bench = useBench(kind);

  test('an undo and a step after the pivot that never answer are told before they have failed often', async () => {
    let away = true;
    const hang = (): unknown => (away ? new Promise(() => undefined) : undefined);
    const patient = { attempts: 50, delayMs: 50, maxDelayMs: 100, jitter: 0 };
    const common = { input: OrderInput, result: z.object({ ref: z.string() }), timeoutMs: 600, retry: patient };
    const done = { ref: 'r' };
    const undone = saga({ name: 'undone', version: 1, input: OrderInput })
      .step(
        step({
          ...common,
          name: 'hold',
          compensation: { timeoutMs: 600, retry: patient },
          run: () => done,
          compensate: async () => void (await hang()),
        }),
        ({ input }) => input,
      )
      .step(
        namedStep('refuse', bench.ledger, { run: () => Promise.reject(Object.assign(new Error('no'), { retryable: false })) }),
        ({ input }) => input,
      );
    const mail = step({ ...common, name: 'mail', run: async () => (await hang(), done) });
    const mailed = saga({ name: 'mailed', version: 1, input: OrderInput }).step(mail, ({ input }) => input, { retriable: true });
    const rules = { compensationFailing: { afterAttempts: 1_000, afterMs: 1_000 }, overdue: { afterMs: 1_000 } };
    await bench.work([undone, mailed], { alerts: to(rules) });
    const runs = [await bench.amends.start(undone, { order: 'o' }), await bench.amends.start(mailed, { order: 'o' })];
    await eventually(() => expect(told().toSorted()).toEqual(['raised compensationFailing', 'raised overdue']), UNTIL);
    for (const { rule, subject, text } of sink.alerts) {
      expect(subject).toBe(rule === 'overdue' ? `${runs[1]!.id}/mail/run` : `${runs[0]!.id}/hold/compensate`);
      expect(text).toMatch(/has failed (once|\d times) in \d s, and is tried on/);
    }
    away = false;
    for (const run of runs) await run.outcome(UNTIL);
    await eventually(() => expect(told().slice(2).toSorted()).toEqual(['resolved compensationFailing', 'resolved overdue']), UNTIL);
  });

  test('a worker that has a job and does nothing with it is overdue; resolved when another one goes on', async () => {
    const order = z.object({ order: z.string() });
    const far = step({ name: 'far', service: `frozen_${kind}`, input: order, result: z.object({}), timeoutMs: 500 });
    const trip = saga({ name: 'frozen', version: 1, input: order }).step(far, ({ input }) => input, { pivot: true });
    await bench.work([trip, orderSaga(bench.ledger)], { alerts: to({ noWorker: { afterMs: 500 }, overdue: { afterMs: 300 } }) });
    const { queues } = engineOf(await bench.other());
    const thawed = gate();
    const hold = async () => {
      await thawed.opened;
      return { kind: 'postpone', afterMs: 1 } as const;
    };
    const frozen = await queues.consume(`service-frozen_${kind}`, hold, {
      concurrency: 1,
      lockMs: 2_000,
      stallCheckMs: 1_000,
      onError: () => undefined,
    });
    const run = await bench.amends.start(trip, { order: 'o' });
    await eventually(() => expect(told()).toEqual(['raised overdue']), UNTIL);
    expect(sink.alerts[0]).toMatchObject({ transaction: run.id, subject: run.id, step: 'far' });
    thawed.open();
    await frozen.close();
    await bench.work([trip], { implementations: [implement(far, { run: () => ({}) })] });
    expect((await run.outcome(UNTIL)).status).toBe('completed');
    await eventually(() => expect(told()).toEqual(['raised overdue', 'resolved overdue']), UNTIL);
  });

  test('a code that comes to a queue of others is missed there too', async () => {
    const order = z.object({ order: z.string() });
    const [near, far] = ['near', 'far'].map((name) => step({ name, service: `both_${kind}`, input: order, result: z.object({}) }));
    const known = saga({ name: 'known', version: 1, input: order }).step(near!, ({ input }) => input, { pivot: true });
    const unknown = saga({ name: 'unknown', version: 1, input: order }).step(far!, ({ input }) => input, { pivot: true });
    const implementations = [implement(near!, { run: () => ({}) })];
    await bench.work([known], { implementations, alerts: to({ noWorker: { afterMs: 500 } }) });
    const run = await bench.amends.start(unknown, { order: 'o' });
    await eventually(() => expect(told()).toEqual(['raised noWorker']), UNTIL);
    expect(sink.alerts[0]).toMatchObject({ saga: 'unknown', step: 'far' });
    await run.terminate({ by: 'ann', reason: 'test' });
    await eventually(() => expect(told()).toEqual(['raised noWorker', 'resolved noWorker']), UNTIL);
  });
});

describe('a store that names no workers', () => {
  const bench = useBench('redis');

  test('a step that takes its time is not told as left by its workers', async () => {
    const list = vi.spyOn(Queue.prototype, 'getWorkers').mockResolvedValue([]);
    const done = gate();
    try {
      const slow = namedStep('slow', bench.ledger, { run: () => done.opened });
      const order = saga({ name: 'slow', version: 1, input: OrderInput }).step(slow, ({ input }) => input);
      await bench.work([order], { alerts: to({ noWorker: { afterMs: 300 } }) });
      const run = await bench.amends.start(order, { order: 'o' });
      await eventually(() => expect(list.mock.calls.length).toBeGreaterThan(10), UNTIL);
      expect(sink.alerts).toEqual([]);
      done.open();
      expect((await run.outcome(UNTIL)).status).toBe('completed');
    } finally {
      done.open();
      list.mockRestore();
    }
  });
});

describe.each(STORE_KINDS)('a crowd on %s', (kind) => {
  const bench = useBench(kind);

  test('one quiet transaction behind hundreds of busy ones is found in one look', async () => {
    const order = z.object({ order: z.string() });
    const far = step({ name: 'far', service: `away_${kind}`, input: order, result: z.object({}) });
    const trip = saga({ name: 'trip', version: 1, input: order }).step(far, ({ input }) => input, { pivot: true });
    const busy = orderSaga(bench.ledger);
    const engine = engineOf(await bench.other());
    // Its plan is in the store, as a worker or a starter has left it.
    const quiet = await bench.amends.start(trip, { order: 'o' });
    for (const each of [trip, busy]) engine.definitions.add(each);
    const rules = { plan: busy.plan, bindings: busy.bindings };
    const ids = Array.from({ length: 500 }, (_, n) => `busy-${kind}-${n}`);
    let states = await Promise.all(
      ids.map(async (id) => (await engine.transactions.start(rules, id, startedOf(busy, { order: 'o' }))).state),
    );
    const beganMs = engine.clock.nowMs();
    await eventually(() => expect(engine.clock.nowMs()).toBeGreaterThan(beganMs + 1_000));
    const touched = { type: 'attempt_lost', step: 'reserve_stock', op: 'run', jobLost: true } as const;
    states = await Promise.all(states.map(async (state) => (await engine.transactions.record(rules, state, touched)).state));
    expect(states).toHaveLength(500);
    // Shorter than the busy ones are old, longer than they were quiet.
    const quietMs = engine.clock.nowMs() - beganMs;
    const look = new QuietTransactions(engine, resolveRules({ noWorker: { afterMs: quietMs }, overdue: { afterMs: quietMs } }));
    const { findings, errors } = await look.look([], {});
    expect(errors).toEqual([]);
    expect(findings).toMatchObject([{ rule: 'noWorker', transaction: quiet.id }]);
  });
});
