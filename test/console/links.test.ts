import * as z from 'zod';
import { nest, saga, step, type Amends } from 'amends';
import { eventStream } from 'amends/events';
import { describe, expect, test } from 'vitest';
import { useSpans } from '../telemetry/spans.ts';
import { addressOf, useBrowser } from './browser.ts';
import { CONSOLE_STORES, useShop } from './fixture.ts';
import { checkoutTcc, MUG, startStuck } from './shop.ts';

/** A saga that holds a whole checkout as one of its steps. */
function tripSaga(amends: Amends, checkout: ReturnType<typeof checkoutTcc>) {
  const nested = nest(amends, checkout);
  const hold = step({
    name: 'hold_all',
    input: z.unknown(),
    result: z.object({ transactionId: z.string() }),
    run: (context) => nested.hold(context, MUG),
    compensate: (context) => nested.cancel(context),
  });
  const settle = step({ name: 'settle', input: z.unknown(), result: z.unknown(), run: () => null });
  return saga({ name: 'trip', version: 1, input: z.unknown() })
    .step(hold, ({ input }) => input)
    .step(settle, () => ({}), { pivot: true });
}

describe.each(CONSOLE_STORES)('links in the console on %s', (kind) => {
  const shop = useShop(kind);
  const browser = useBrowser();

  test('a saga leads to what it has started, and that back to it', async () => {
    const checkout = checkoutTcc({ canConfirm: true });
    const trip = tripSaga(shop.amends, checkout);
    await shop.work([trip, checkout]);
    const run = await shop.amends.start(trip, {}, { id: 'trip-1' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    const page = await browser.open(`${shop.dashboard.url}/transactions/trip-1`);
    await page.getByRole('link', { name: /trip-1:hold_all/ }).click();
    await page.getByRole('heading', { name: 'trip-1:hold_all', level: 1 }).waitFor();
    await page.getByText('Everything is held. It waits to be told whether to confirm.').waitFor();
    await page.getByRole('link', { name: 'part of trip-1' }).click();
    await page.getByRole('heading', { name: 'trip-1', exact: true, level: 1 }).waitFor();
    expect(addressOf(page)).toBe('/transactions/trip-1');
  });

  test('a job is opened in Bull Board, and leads back to its transaction', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order/1');
    const address = `${shop.dashboard.url}/transactions/${encodeURIComponent('order/1')}`;
    const page = await browser.open(address, { expected: /was preloaded using link preload/ }); // by Bull Board, for what it shows later
    await page.getByRole('link', { name: 'Root job' }).click();
    await page.getByText('order/1').first().waitFor();
    expect(addressOf(page)).toContain('/queues/queue/');
    const opened = page.waitForEvent('popup');
    await page.getByRole('link', { name: 'Transaction', exact: true }).first().click();
    const back = await opened;
    await back.getByRole('heading', { name: 'order/1', level: 1 }).waitFor();
    expect(back.url()).toBe(address);

    await page.goto(`${shop.dashboard.url}/services`);
    await page.getByRole('article', { name: 'order' }).getByRole('link', { name: 'Bull Board' }).click();
    await page.waitForURL(/queues\/queue\/[^/]*order/);
    await page.getByText('order/1').first().waitFor();
  });

  test('a step that nobody serves is said in red on the services page, until somebody does', async () => {
    await shop.amends.start(shop.order, MUG, { id: 'order-1' });
    const page = await browser.open(`${shop.dashboard.url}/services`);
    const alone = page.getByRole('alert', { name: 'Steps that nobody serves' });
    const text = alone.getByText(/^no worker for reserve_stock/);
    await text.waitFor();
    const [red, written] = await page.evaluate<[string, string]>(`['--bad', undefined].map((name) => {
      const element = document.querySelector('.unserved-list strong');
      if (name !== undefined) element.style.color = 'var(--bad)';
      const { color } = getComputedStyle(element);
      element.style.color = '';
      return color;
    })`);
    expect(written).toBe(red);
    const queue = page.getByRole('article', { name: 'order' });
    await queue.getByText('no worker', { exact: true }).waitFor();
    await shop.work();
    await alone.waitFor({ state: 'detached' });
    await queue.getByText('1 worker', { exact: true }).waitFor();
  });

  test('event streams are read from category to event', async () => {
    const orders = eventStream({
      name: 'order',
      version: 1,
      events: { placed: z.object({ cents: z.int() }), paid: z.object({ by: z.string() }) },
    })
      .initially(() => ({}))
      .evolve({ placed: (state) => state, paid: (state) => state });
    for (const id of ['order-7', 'order/8']) {
      await shop.amends.events.append(orders, id, [{ type: 'placed', data: { cents: 1_800 } }], { expectedVersion: 'none' });
    }
    await shop.amends.events.append(orders, 'order/8', [{ type: 'paid', data: { by: 'card' } }], { expectedVersion: 1 });
    const page = await browser.open(`${shop.dashboard.url}/streams`);
    await page
      .getByRole('row', { name: /^order 2 3/ })
      .getByRole('link', { name: 'order' })
      .click();
    await page
      .getByRole('row', { name: /^order\/8 2 paid/ })
      .getByRole('link')
      .click();
    await page.getByRole('heading', { name: 'order/8', level: 1 }).waitFor();
    const events = page.getByRole('region', { name: 'Events' });
    expect(await events.locator('summary').allInnerTexts()).toEqual(['placed', 'paid']);
    await events.getByText('paid').click();
    await events.getByText('"by": "card"').waitFor();
    await page.getByRole('link', { name: 'Event streams' }).first().click();
    await page.getByRole('heading', { name: 'Event streams', level: 1 }).waitFor();
  });
});

describe('links to traces', () => {
  useSpans();
  const shop = useShop('redis');
  const browser = useBrowser();

  test('lead to where the option says, from the transaction and from an attempt', async () => {
    const dashboard = await shop.open({ traceUrl: 'https://tempo.example.com/trace/{traceId}' });
    await shop.work();
    await (await shop.amends.start(shop.order, MUG, { id: 'order-1' })).outcome({ timeoutMs: 15_000 });
    const { traceId } = (await (await fetch(`${dashboard.url}/api/v1/transactions/order-1`)).json()) as { traceId: string };
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    const page = await browser.open(`${dashboard.url}/transactions/order-1?step=charge_card&op=run`);
    for (const place of [page.getByRole('complementary', { name: 'Step charge_card' }), page.locator('header.transaction-head')]) {
      const link = place.getByRole('link', { name: /^Trace/ });
      expect(await link.getAttribute('href')).toBe(`https://tempo.example.com/trace/${traceId}`);
      expect(await link.getAttribute('rel')).toBe('noreferrer');
    }
    // Where no place for traces is configured, the id is there to be copied.
    const other = await browser.open(`${shop.dashboard.url}/transactions/order-1`);
    await other.locator('header.transaction-head').getByText(traceId).waitFor();
  });
});
