import { describe, expect, test } from 'vitest';
import { HoldExpired, StepFailed, TccCancelledError, TccStuckError } from '../../src/errors.ts';
import { tcc } from '../../src/flows/tcc.ts';
import { engineOf } from '../../src/amends.ts';
import { loadTransaction, operatorRules, register } from '../../src/producers/engine.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import * as z from 'zod';
import { gate, startedOf, useBench } from './fixture.ts';
import { checkoutTcc, namedResource } from './tcc-fixture.ts';

const never = (message: string) => (): never => {
  throw new Error(message);
};
const refused = (message: string) => (): never => {
  throw new StepFailed(message);
};
const sorted = (ledger: readonly string[]): readonly string[] => [...ledger].sort();

describe.each(STORE_KINDS)('tcc on %s', (kind) => {
  const bench = useBench(kind);

  test('T01 all tries ok: the verdict is stored before the first confirm, and each is confirmed once', async () => {
    const verdicts: unknown[] = [];
    const look = async ({ transactionId }: { readonly transactionId: string }): Promise<void> => {
      const history = await bench.amends.get(transactionId).history();
      verdicts.push(history.filter(({ event }) => event.type === 'verdict_reached').length);
    };
    const checkout = checkoutTcc(bench.ledger, { stock: { confirm: look }, credit: { confirm: look } });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o1' }, { tags: { customer: 't01' } });
    expect(await run.result({ timeoutMs: 15_000 })).toEqual({ stock: 'stock/o1', credit: 'credit/o1' });
    expect(bench.ledger.slice(0, 2)).toEqual(['try stock', 'try credit']);
    expect(sorted(bench.ledger.slice(2))).toEqual(['confirm credit', 'confirm stock']);
    expect(verdicts).toEqual([1, 1]);
    const view = await run.view();
    expect(view).toMatchObject({ kind: 'tcc', status: 'confirmed', verdict: 'confirm', notCompensated: [] });
    expect(view.steps.map(({ name, status }) => `${name} ${status}`)).toEqual(['stock confirmed', 'credit confirmed']);
    const { transactions } = await bench.amends.list({ tag: { customer: 't01' }, status: ['confirmed'] });
    expect(transactions.map(({ id }) => id)).toEqual([run.id]);
  });

  test('T01 what each operation is called with', async () => {
    const seen: Record<string, unknown>[] = [];
    const look = ({ log: _log, signal, ...context }: { readonly log: unknown; readonly signal: AbortSignal }): void => {
      seen.push({ ...context, aborted: signal.aborted });
    };
    const checkout = tcc({ name: 'one', version: 1, input: z.object({ order: z.string() }), deadlineMs: 30_000 }).reserve(
      namedResource('stock', bench.ledger, { try: look, confirm: look }),
      ({ input }) => input,
    );
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o' }, { id: 't01-calls' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toEqual({ status: 'confirmed', output: { stock: { ref: 'stock/o' } } });
    const { expiresAtMs } = (await run.view()).steps[0]!;
    const common = {
      input: { order: 'o' },
      transactionId: 't01-calls',
      resource: 'stock',
      attempt: 1,
      aborted: false,
      expiresAt: new Date(expiresAtMs!),
    };
    expect(seen).toEqual([
      { ...common, op: 'try', idempotencyKey: 't01-calls:stock:try' },
      { ...common, op: 'confirm', idempotencyKey: 't01-calls:stock:confirm', hold: { ref: 'stock/o' } },
    ]);
  });

  test('T02 the second try fails: all cancelled, the failed one too, no confirm', async () => {
    const holds: unknown[] = [];
    const look = ({ resource, hold, reason }: { readonly resource: string; readonly hold: unknown; readonly reason: Error }): void => {
      holds.push({ resource, hold, reason: reason.message });
    };
    const checkout = checkoutTcc(bench.ledger, { stock: { cancel: look }, credit: { try: refused('no credit'), cancel: look } });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o2' });
    const outcome = await run.outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'cancelled', failedReservation: 'credit', reason: { message: 'no credit' } });
    expect(bench.ledger[0]).toBe('try stock');
    expect(sorted(bench.ledger.slice(1))).toEqual(['cancel credit', 'cancel stock']);
    expect(holds).toHaveLength(2);
    expect(holds).toContainEqual({ resource: 'stock', hold: { ref: 'stock/o2' }, reason: 'no credit' });
    expect(holds).toContainEqual({ resource: 'credit', hold: undefined, reason: 'no credit' });
    await expect(run.result()).rejects.toThrow(TccCancelledError);
    expect((await run.view()).verdict).toBe('cancel');
  });

  test('T03 the second try stays unknown: cancelled, also what nobody knows of', async () => {
    const checkout = checkoutTcc(bench.ledger, { credit: { try: never('connection reset') } });
    await bench.work([checkout]);
    const outcome = await (await bench.amends.start(checkout, { order: 'o3' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'cancelled', failedReservation: 'credit' });
    expect(sorted(bench.ledger.slice(1))).toEqual(['cancel credit', 'cancel stock']);
  });

  test('T04 T09 a confirm fails ten times after the verdict: never cancelled, stuck, then confirmed', async () => {
    let failures = 0;
    const checkout = checkoutTcc(bench.ledger, {
      credit: {
        confirm() {
          if (failures++ < 10) throw new Error(`bank away ${failures}`);
        },
      },
    });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o4' });
    for (let retries = 0; retries < 3; retries++) {
      const outcome = await eventually(async () => {
        const now = await run.outcome({ timeoutMs: 15_000 });
        expect(failures).toBe(3 * (retries + 1));
        return now;
      });
      expect(outcome).toMatchObject({
        status: 'stuck',
        verdict: 'confirm',
        failedReservation: 'credit',
        confirmed: ['stock'],
        leftovers: ['credit'],
      });
      await expect(run.result()).rejects.toThrow(TccStuckError);
      await expect(run.cancel()).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await run.retry({ by: 'ann' });
    }
    await eventually(async () => expect((await run.view()).status).toBe('confirmed'));
    expect(bench.ledger).toEqual(['try stock', 'try credit', 'confirm stock', 'confirm credit']);
  });

  test('T05 a confirm refuses with a business error: stuck like any other, and listed', async () => {
    const checkout = checkoutTcc(bench.ledger, { credit: { confirm: refused('account closed') } });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o5' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'stuck', reason: { message: 'account closed' } });
    const { transactions } = await bench.amends.list({ status: ['stuck'] });
    expect(transactions).toContainEqual(expect.objectContaining({ id: run.id, error: 'account closed' }));
    await eventually(() => expect(bench.alerts).toEqual(['stuck: needs a person']));
  });

  test('T09 a cancel fails: tried again, stuck, and an operator gives it up: terminated with what is left', async () => {
    const checkout = checkoutTcc(bench.ledger, { stock: { cancel: never('warehouse away') }, credit: { try: refused('no credit') } });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o9' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({
      status: 'stuck',
      verdict: 'cancel',
      failedReservation: 'stock',
      leftovers: ['stock'],
    });
    await run.skip('stock', { reason: 'given back by hand' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'terminated', verdict: 'cancel', leftovers: ['stock'] });
    expect(bench.ledger).toEqual(['try stock', 'cancel credit']);
  });

  test('T10 a try that is delivered after the verdict is refused', async () => {
    const confirming = gate();
    const checkout = checkoutTcc(bench.ledger, { stock: { confirm: () => confirming.opened } });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o10' });
    await eventually(() => expect(bench.ledger).toContain('confirm credit'));
    const { queues } = engineOf(bench.amends);
    const state = await loadTransaction(engineOf(bench.amends), run.id);
    const job = operationJob(checkout.plan, run.id, 'credit', 'run', true);
    await queues.discard(job);
    await queues.addChild(job, rootJob(state));
    await eventually(async () => expect(await queues.stateOf(job)).toBe('completed'));
    confirming.open();
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'confirmed' });
    expect(bench.ledger).toEqual(['try stock', 'try credit', 'confirm credit', 'confirm stock']);
  });

  test('T11 the deadline strikes while the last hold is recorded: one verdict', async () => {
    const asked = gate();
    const answered = gate();
    const checkout = checkoutTcc(bench.ledger, {
      credit: {
        try: async () => {
          asked.open();
          await answered.opened;
        },
      },
    });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o11' });
    await asked.opened;
    const other = engineOf(await bench.other());
    const state = await loadTransaction(other, run.id);
    const rules = await operatorRules(other, state);
    answered.open();
    await other.transactions.record(rules, state, { type: 'deadline_passed', nowMs: state.deadlineAtMs! });
    const outcome = await run.outcome({ timeoutMs: 15_000 });
    expect(['confirmed', 'cancelled']).toContain(outcome.status);
    const types = (await run.history()).map(({ event }) => event.type);
    expect(types.filter((type) => type === 'verdict_reached' || type === 'saga_turned')).toHaveLength(1);
    const after = bench.ledger.filter((entry) => !entry.startsWith('try'));
    expect(new Set(after.map((entry) => entry.split(' ')[0])).size).toBe(1);
  });

  test('T11 the deadline passes while a try runs: told to stop, cancelled', async () => {
    const checkout = checkoutTcc(bench.ledger, {
      deadlineMs: 2_000,
      credit: {
        try: ({ signal }) =>
          new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })),
      },
    });
    await bench.work([checkout]);
    const outcome = await (await bench.amends.start(checkout, { order: 'o11b' })).outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'cancelled', failedReservation: undefined, reason: { message: 'its deadline passed' } });
    expect(sorted(bench.ledger)).toEqual(['cancel credit', 'cancel stock', 'try stock']);
  });

  test('T12 a hold has run out when its confirm arrives: a mixed outcome for an operator, never reported as confirmed', async () => {
    const checkout = checkoutTcc(bench.ledger, {
      credit: {
        confirm() {
          throw new HoldExpired('the credit was given to somebody else');
        },
      },
    });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o12' });
    const mixed = { verdict: 'confirm', confirmed: ['stock'], leftovers: ['credit'] };
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({
      status: 'stuck',
      reason: { name: 'HoldExpired', code: 'HOLD_EXPIRED' },
      ...mixed,
    });
    const failures = (await run.history()).filter(({ event }) => event.type === 'attempt_failed');
    expect(failures).toHaveLength(0); // another attempt would find the same
    await run.skip('credit', { reason: 'the customer paid in cash', by: 'ann' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'terminated', ...mixed });
    await expect(run.result()).rejects.toMatchObject({ code: 'TCC_TERMINATED', details: mixed });
  });

  test('T15 the answer of a confirm is lost: asked again under the same key', async () => {
    const keys: string[] = [];
    const done = new Set<string>();
    const checkout = checkoutTcc(bench.ledger, {
      credit: {
        confirm({ idempotencyKey }) {
          keys.push(idempotencyKey);
          if (done.has(idempotencyKey)) return;
          done.add(idempotencyKey);
          throw new Error('the answer was lost');
        },
      },
    });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o15' }, { id: 't15' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'confirmed' });
    expect(keys).toEqual(['t15:credit:confirm', 't15:credit:confirm']);
  });

  test('T16 a confirm that no verdict asked for: refused with an alert, and it is not in the way of the one that is asked for', async () => {
    const trying = gate();
    const checkout = checkoutTcc(bench.ledger, { stock: { try: () => trying.opened } });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o16' });
    const { queues } = engineOf(bench.amends);
    const job = operationJob(checkout.plan, run.id, 'stock', 'confirm');
    await queues.addChild(job, rootJob(await loadTransaction(engineOf(bench.amends), run.id)));
    await eventually(() => expect(bench.alerts).toEqual(['refused: a confirm that no verdict has asked for']));
    await eventually(async () => expect(await queues.stateOf(job)).toBe('missing'));
    expect(bench.ledger).toEqual([]);
    trying.open();
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'confirmed' });
    expect(bench.ledger.filter((entry) => entry === 'confirm stock')).toHaveLength(1);
  });

  test('started again while its first starter is between journal and queue: the same run, and it is confirmed', async () => {
    const checkout = checkoutTcc(bench.ledger);
    const engine = engineOf(bench.amends);
    await register(engine, checkout);
    const { plan, bindings } = checkout;
    const id = `twice-${bench.store.namespace}`;
    const deadlineAtMs = engine.clock.nowMs() + 30_000;
    await engine.transactions.start({ plan, bindings }, id, { ...startedOf(checkout, { order: 'o' }), kind: 'tcc', deadlineAtMs });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o' }, { id });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'confirmed' });
  });

  test('an operator cancels before the verdict: all cancelled; after it: refused', async () => {
    const trying = gate();
    const begun = gate();
    const checkout = checkoutTcc(bench.ledger, {
      credit: {
        async try({ signal }) {
          begun.open();
          signal.addEventListener('abort', () => trying.open(), { once: true });
          await trying.opened;
          signal.throwIfAborted();
        },
      },
    });
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'o-cancel' });
    await begun.opened;
    expect(await run.cancel({ reason: 'changed my mind', by: 'ann' })).toBe(true);
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({
      status: 'cancelled',
      failedReservation: undefined,
      reason: { message: 'cancelled by ann: changed my mind' },
    });
    expect(sorted(bench.ledger)).toEqual(['cancel credit', 'cancel stock', 'try stock']);
    expect(await run.cancel()).toBe(false);
  });

  test('reservations of a group are tried at the same time, and one that is left out is neither confirmed nor cancelled', async () => {
    const both = gate();
    let begun = 0;
    const meet = async (): Promise<void> => {
      if (++begun === 2) both.open();
      await both.opened;
    };
    const input = z.object({ order: z.string(), gift: z.boolean() });
    const checkout = tcc({ name: 'group', version: 1, input, deadlineMs: 30_000 })
      .parallel((all) =>
        all
          .reserve(namedResource('stock', bench.ledger, { try: meet }), ({ input: { order } }) => ({ order }))
          .reserve(namedResource('seat', bench.ledger, { try: meet }), ({ input: { order } }) => ({ order }))
          .reserve(namedResource('wrap', bench.ledger), ({ input: { order } }) => ({ order }), { when: (given) => given.input.gift }),
      )
      .returns(({ holds }) => ({ wrapped: holds.wrap !== undefined, seat: holds.seat.ref }));
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'og', gift: false });
    expect(await run.result({ timeoutMs: 15_000 })).toEqual({ wrapped: false, seat: 'seat/og' });
    expect(sorted(bench.ledger)).toEqual(['confirm seat', 'confirm stock', 'try seat', 'try stock']);
  });

  test('a TCC that awaits its verdict: held, told to confirm, and told again', async () => {
    const checkout = checkoutTcc(bench.ledger);
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'ov' }, { awaitsVerdict: true });
    expect(await run.held({ timeoutMs: 15_000 })).toBe(true);
    expect(bench.ledger).toEqual(['try stock', 'try credit']);
    expect(await run.view()).toMatchObject({ status: 'waiting', verdict: undefined });
    await run.confirm();
    await run.confirm();
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'confirmed' });
    expect(await run.held()).toBe(true);
    await run.confirm();
    expect(bench.alerts).toEqual([]);
  });

  test('a TCC that awaits its verdict and is cancelled before: not held, and it can not be confirmed', async () => {
    const refusing = checkoutTcc(bench.ledger, { credit: { try: refused('no credit') } });
    await bench.work([refusing]);
    const other = await bench.amends.start(refusing, { order: 'ow' }, { awaitsVerdict: true });
    expect(await other.held({ timeoutMs: 15_000 })).toBe(false);
    await expect(other.confirm()).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
  });

  test('a hold that is shorter than the deadline is renewed while there is no verdict, and not after it', async () => {
    const until: number[] = [];
    const checkout = tcc({
      name: 'renewed',
      version: 1,
      input: z.object({ order: z.string() }),
      deadlineMs: 30_000,
      marginMs: 200,
    }).reserve(
      namedResource('stock', bench.ledger, { holdForMs: 1_000, renew: ({ expiresAt }) => until.push(expiresAt.getTime()) }),
      ({ input }) => input,
    );
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'or' }, { awaitsVerdict: true });
    await eventually(() => expect(until.length).toBeGreaterThanOrEqual(3));
    expect(until).toEqual([...until].sort((a, b) => a - b));
    await run.confirm();
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'confirmed' });
    const renewed = (await run.history()).flatMap(({ event }) => (event.type === 'hold_renewed' ? [event.data.expiresAtMs] : []));
    expect(renewed.slice(0, 3)).toEqual(until.slice(0, 3));
    const { queues } = engineOf(bench.amends);
    await eventually(async () => expect(await queues.stateOf(rootJob({ id: run.id, saga: 'renewed' }))).toBe('completed'));
  });

  test('T12 a hold that can not be renewed cancels the TCC before it runs out unnoticed', async () => {
    const checkout = tcc({ name: 'lost', version: 1, input: z.object({ order: z.string() }), deadlineMs: 30_000, marginMs: 200 })
      .reserve(
        namedResource('stock', bench.ledger, {
          holdForMs: 1_000,
          renew() {
            throw new HoldExpired('it was given away');
          },
        }),
        ({ input }) => input,
      )
      .reserve(namedResource('credit', bench.ledger), ({ input }) => input);
    await bench.work([checkout]);
    const run = await bench.amends.start(checkout, { order: 'ol' }, { awaitsVerdict: true });
    const outcome = await run.outcome({ timeoutMs: 15_000 });
    expect(outcome).toMatchObject({ status: 'cancelled', failedReservation: 'stock', reason: { message: 'it was given away' } });
    expect(sorted(bench.ledger.slice(2))).toEqual(['cancel credit', 'cancel stock']);
  });

  test('the deadline of a TCC that waits for its verdict strikes although nothing is in work', async () => {
    const checkout = checkoutTcc(bench.ledger, { deadlineMs: 1_000 });
    await bench.work([checkout], { sweepEveryMs: 200, overdueAfterMs: 0 });
    const run = await bench.amends.start(checkout, { order: 'od' }, { awaitsVerdict: true });
    expect(await run.held({ timeoutMs: 15_000 })).toBe(true);
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'cancelled', reason: { message: 'its deadline passed' } });
  });
});
