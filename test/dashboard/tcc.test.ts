import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import { resource, tcc, type Tcc } from 'amends';
import { nestedId } from '../../src/flows/names.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { ask, refused } from './api-client.ts';
import { useBench } from './fixture.ts';

const Cart = z.object({ order: z.string() });

function checkout(conduct: { canConfirm: boolean }): Tcc<{ order: string }, { lot: string }> {
  const named = <const Name extends string>(name: Name) =>
    resource({
      name,
      input: Cart,
      hold: z.object({ ref: z.string() }),
      holdForMs: 120_000,
      confirmation: { retry: { attempts: 1 } },
      try: ({ input }) => ({ ref: `${name}/${input.order}` }),
      confirm() {
        if (!conduct.canConfirm) throw new Error('the ledger is closed');
      },
      cancel: () => undefined,
    });
  return tcc({ name: 'checkout', version: 1, input: Cart, deadlineMs: 60_000 })
    .reserve(named('stock'), ({ input }) => input)
    .reserve(named('credit'), ({ input }) => input)
    .returns(({ holds }) => ({ lot: holds.stock.ref }));
}

describe.each(STORE_KINDS)('a TCC in the API on %s', (kind) => {
  const bench = useBench(kind, { apart: true });

  test('in its own words, with its holds; the verdict by a person; a confirm that is stuck', async () => {
    const conduct = { canConfirm: false };
    const definition = checkout(conduct);
    await bench.amends.worker({ sagas: [definition] }).run();
    const run = await bench.amends.start(definition, { order: 'o1' }, { id: 'cart-1', awaitsVerdict: true });
    expect(await run.held({ timeoutMs: 15_000 })).toBe(true);
    const { url } = bench.dashboard;
    const path = { id: 'cart-1' };
    const held = await ask(url, 'transaction', { path });
    expect(held).toMatchObject({ kind: 'tcc', status: 'waiting', verdict: null, awaitsVerdict: true });
    expect(held.steps.map(({ name, kind: of, status, hasUndo }) => [name, of, status, hasUndo])).toEqual([
      ['stock', 'reservation', 'held', true],
      ['credit', 'reservation', 'held', true],
    ]);
    for (const { holdExpiresAtMs } of held.steps) expect(holdExpiresAtMs).toBeGreaterThan(held.nowMs + 60_000);
    expect(held.actions.map(({ action }) => action)).toEqual(['cancel', 'terminate', 'pause', 'confirm']);
    expect(held.attempts.map(({ idempotencyKey }) => idempotencyKey)).toEqual(['cart-1:stock:try', 'cart-1:credit:try']);

    const confirm = { ...path, action: 'confirm' };
    const preview = await ask(url, 'preview', { path: confirm });
    expect(preview).toMatchObject({ allowed: true, before: { status: 'waiting' }, after: { status: 'confirming' } });
    await ask(url, 'act', { path: confirm, body: { version: preview.version, reason: 'the customer called' } });
    await eventually(async () => expect((await run.view()).status).toBe('stuck'));
    const stuck = await ask(url, 'transaction', { path });
    expect(stuck).toMatchObject({
      verdict: 'confirm',
      steps: [{ status: 'confirm_stuck', stuckIn: 'confirm' }, { status: 'confirm_stuck' }],
    });
    expect(stuck.audit).toMatchObject([{ action: 'confirm', reason: 'the customer called', before: 'waiting', after: 'confirming' }]);
    expect((await ask(url, 'inbox')).groups.map(({ kind: of, step, op, error }) => `${of} ${op} ${step}: ${error}`)).toEqual(
      expect.arrayContaining(['tcc confirm credit: the ledger is closed', 'tcc confirm stock: the ledger is closed']),
    );
    const byHand = { path: { ...path, action: 'mark_undone' }, body: { version: stuck.version, reason: 'x', step: 'stock' } };
    expect(await refused(url, 'act', byHand)).toBe('409 NOT_ALLOWED');
    conduct.canConfirm = true;
    // One of the two alone: the other stays as it is.
    const retry = { ...path, action: 'retry' };
    const one = await ask(url, 'preview', { path: retry, query: 'step=credit' });
    expect(one).toMatchObject({ allowed: true, text: 'will try again credit; it is confirming then', willRetry: ['credit'] });
    await ask(url, 'act', { path: retry, body: { version: stuck.version, reason: 'the ledger is open', step: 'credit' } });
    await eventually(async () => {
      const { steps, status } = await ask(url, 'transaction', { path });
      expect([status, ...steps.map((step) => step.status)]).toEqual(['stuck', 'confirm_stuck', 'confirmed']);
    });
    expect(await ask(url, 'preview', { path: retry, query: 'step=credit' })).toMatchObject({
      allowed: false,
      text: 'step "credit" is not stuck: there is nothing to try again',
    });
    const { version } = await ask(url, 'transaction', { path });
    expect(await refused(url, 'act', { path: retry, body: { version, reason: 'x', step: 'credit' } })).toBe('409 NOT_ALLOWED');
    expect(await refused(url, 'act', { path: retry, body: { version, reason: 'x', step: 'nothing' } })).toBe('409 UNKNOWN_DEFINITION');
    await ask(url, 'act', { path: retry, body: { version, reason: 'the ledger is open' } });
    await eventually(async () => expect((await ask(url, 'transaction', { path })).status).toBe('confirmed'));
    expect((await ask(url, 'transactions', { query: 'kind=tcc' })).transactions).toMatchObject([{ id: 'cart-1', kind: 'tcc' }]);
  });

  test('what is a part of another names it, and is named by it', async () => {
    const definition = checkout({ canConfirm: true });
    await bench.amends.worker({ sagas: [definition] }).run();
    // As a TCC nested in the reservation "stock" has its id.
    const long = 'c'.repeat(128);
    for (const id of ['cart-2', 'cart-2:stock', 'cart-2:other', long, nestedId(long, 'credit')]) {
      await (await bench.amends.start(definition, { order: 'o1' }, { id })).result({ timeoutMs: 15_000 });
    }
    const of = async (id: string) => ask(bench.dashboard.url, 'transaction', { path: { id } });
    expect(await of('cart-2')).toMatchObject({ parent: null, children: [{ id: 'cart-2:stock', saga: 'checkout', status: 'confirmed' }] });
    expect(await of('cart-2:stock')).toMatchObject({ parent: 'cart-2', children: [] });
    expect(await of('cart-2:other')).toMatchObject({ parent: null, children: [] });
    expect(nestedId(long, 'credit')).toMatch(/^[\da-f]{64}$/);
    expect(await of(long)).toMatchObject({ children: [{ id: nestedId(long, 'credit') }] });
  });
});
