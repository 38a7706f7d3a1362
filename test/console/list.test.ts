import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { addressOf, useBrowser } from './browser.ts';
import { CONSOLE_STORES, useShop } from './fixture.ts';
import { MUG, startStuck } from './shop.ts';

describe.each(CONSOLE_STORES)('the list in the console on %s', (kind) => {
  const shop = useShop(kind);
  const browser = useBrowser();

  test('filters are the address: they can be sent, and Back takes them away one by one', async () => {
    await shop.work();
    for (const customer of ['c1', 'c2']) {
      await (await shop.amends.start(shop.order, MUG, { id: `good-${customer}`, tags: { customer } })).outcome({ timeoutMs: 15_000 });
    }
    await startStuck(shop.amends, shop.order, shop.services, 'bad-1');
    const page = await browser.open(`${shop.dashboard.url}/`);
    const ids = async () => page.getByRole('table').locator('.id').allTextContents();
    const shows = (...expected: string[]) => eventually(async () => expect(await ids()).toEqual(expected));
    await shows('bad-1', 'good-c2', 'good-c1');

    await page.getByRole('button', { name: 'completed' }).click();
    await shows('good-c2', 'good-c1');
    await page.getByLabel('Tag').fill('customer=c1');
    await shows('good-c1');
    expect(addressOf(page)).toBe('/transactions?status=completed&tag=customer%3Dc1');

    const other = await browser.open(page.url());
    await eventually(async () => expect(await other.getByRole('table').locator('.id').allTextContents()).toEqual(['good-c1']));
    expect(await other.getByRole('button', { name: 'completed' }).getAttribute('aria-pressed')).toBe('true');

    await page.goBack();
    await shows('good-c2', 'good-c1');
    expect(await page.getByLabel('Tag').inputValue()).toBe('');
    await page.goBack();
    await shows('bad-1', 'good-c2', 'good-c1');
    await page.getByLabel('Error has').fill('ECONNREFUSED');
    await shows('bad-1');
    await page.getByLabel('Saga').fill('other');
    await page.getByRole('heading', { name: 'No transaction matches this filter' }).waitFor();
    await page.getByRole('link', { name: 'Clear filter' }).click();
    await shows('bad-1', 'good-c2', 'good-c1');
  });

  test('a tag that is no filter yet, or that nothing can have, is said so, and no act is offered by it', async () => {
    await shop.amends.start(shop.order, MUG, { id: 'order-1', tags: { customer: 'c1' } });
    const page = await browser.open(`${shop.dashboard.url}/transactions?tag=customer`);
    await page.getByRole('link', { name: 'order-1', exact: true }).waitFor();
    await page.getByText('“customer” does not filter yet').waitFor();
    const act = page.getByRole('button', { name: 'Bulk action…' });
    expect(await act.isDisabled()).toBe(true);
    await page.getByLabel('Tag').fill('customer=c1');
    await eventually(async () => expect(await act.isEnabled()).toBe(true));
    await page.goto(`${shop.dashboard.url}/transactions?tag=customer%3Dc1&tag=customer%3Dc2&bulk=retry`);
    await page.getByText('Nothing has customer=c1 and customer=c2 at once').waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
    await eventually(async () => expect(await page.getByRole('table').count()).toBe(0));
  });

  test('a group of the inbox is a filter of the list, which can be taken apart again', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'bad-1');
    shop.services.releaseError = 'the stock is being counted';
    await startStuck(shop.amends, shop.order, shop.services, 'bad-2');
    shop.services.releaseError = 'connect ECONNREFUSED stock.internal:8443';
    await startStuck(shop.amends, shop.order, shop.services, 'bad-3');
    const page = await browser.open(`${shop.dashboard.url}/inbox`);
    await page.getByRole('article', { name: /: 2$/ }).getByRole('link', { name: 'Retry all 2…' }).click();
    await page.getByRole('dialog').getByText('2 transactions').waitFor();
    await page.keyboard.press('Escape');
    const ids = async () => page.getByRole('table').locator('.id').allTextContents();
    await eventually(async () => expect(await ids()).toEqual(['bad-3', 'bad-1']));
    await page.getByRole('button', { name: /^errors like .*ECONNREFUSED/ }).click();
    await eventually(async () => expect(await ids()).toEqual(['bad-3', 'bad-2', 'bad-1']));
    await page.getByRole('button', { name: /^stuck on reserve_stock/ }).click();
    await eventually(() => expect(addressOf(page)).toBe('/transactions?saga=order&status=stuck'));
  });

  test('rows come and change by themselves; pages lead on to the oldest', async () => {
    for (let at = 1; at <= 60; at++) await shop.amends.start(shop.order, MUG, { id: `order-${at}` });
    const page = await browser.open(`${shop.dashboard.url}/transactions`);
    await page.getByRole('link', { name: 'order-60', exact: true }).waitFor();
    await page.getByRole('link', { name: 'Older' }).click();
    await page.getByRole('link', { name: 'order-1', exact: true }).waitFor();
    await page.goBack();
    await page.getByRole('link', { name: 'order-60', exact: true }).waitFor();

    await shop.work();
    const row = page.getByRole('row').filter({ has: page.getByRole('link', { name: 'order-60', exact: true }) });
    await row.getByText('completed').waitFor();
    // Under a pointer rows don't move: what is new is offered instead.
    await row.hover();
    await shop.amends.start(shop.order, MUG, { id: 'order-held' });
    await page.getByRole('button', { name: 'Show 1 new' }).waitFor();
    await page.mouse.move(0, 0);
    await shop.amends.start(shop.order, MUG, { id: 'order-new' });
    await page.getByRole('link', { name: 'order-new', exact: true }).waitFor();
    expect(await page.getByRole('row').count()).toBe(51);
    await page.getByRole('link', { name: 'order-held', exact: true }).waitFor();
  }, 90_000);

  test('after a cut it says so, goes on by itself and has missed nothing', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const proxy = await FaultProxy.before(shop.dashboard.url);
    try {
      const page = await browser.open(`${proxy.url}transactions/order-1`, { expected: /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE/ });
      await page.getByRole('button', { name: 'Retry the undo…' }).waitFor();
      await page.getByRole('banner').getByText('live').waitFor();
      proxy.refuse();
      await page.getByRole('banner').getByText('reconnecting').waitFor();
      shop.services.canRelease = true;
      await shop.amends.get('order-1').retry({ reason: 'while nobody looked' });
      await shop.amends.get('order-1').outcome({ timeoutMs: 15_000 });
      proxy.pass();
      await page.getByRole('banner').getByText('live').waitFor();
      await page.getByRole('status').getByText('Everything it did was undone').waitFor();
      expect(proxy.counts.cut).toBeGreaterThan(0);
    } finally {
      await proxy.close();
    }
  });
});
