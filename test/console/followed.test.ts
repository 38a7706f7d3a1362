import * as z from 'zod';
import { saga } from 'amends';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { FaultProxy } from '../faults/proxy.ts';
import { listenIn, useBrowser } from './browser.ts';
import { useShop } from './fixture.ts';
import { approval, claimSaga, MUG, startStuck } from './shop.ts';

describe('what changes while it is looked at', () => {
  const shop = useShop('redis');
  const browser = useBrowser();

  test('a preview follows the transaction, and what is done is what it says now', async () => {
    const claim = claimSaga();
    await shop.work([claim]);
    const run = await shop.amends.start(claim, MUG, { id: 'claim-1' });
    const page = await browser.open(`${shop.dashboard.url}/transactions/claim-1`);
    await page.getByText('It waits for the signal approval.').waitFor();
    await page.getByRole('button', { name: 'Cancel…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Cancel' });
    const undone = dialog.locator('.preview-names li');
    await eventually(async () => expect(await undone.allTextContents()).toEqual(['check_claim']));
    expect(await dialog.getByText('It has moved on').count()).toBe(0);
    await dialog.getByLabel(/^Why/).fill('the customer withdrew it');

    await run.signal(approval, { approvedBy: 'ann' });
    await dialog.getByRole('alert').getByText('It has moved on').waitFor();
    await eventually(async () => expect(await undone.allTextContents()).toEqual(['book_amount', 'check_claim']));
    expect(await dialog.getByLabel(/^Why/).inputValue(), 'the reason stays').toBe('the customer withdrew it');
    await dialog.getByRole('button', { name: 'Cancel', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    expect((await run.outcome({ timeoutMs: 10_000 })).status).toBe('compensated');
  });

  test('an act that has become impossible is no longer offered', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const page = await browser.open(`${shop.dashboard.url}/transactions/order-1`);
    await page.getByRole('button', { name: 'Terminate…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Terminate' });
    await dialog.getByText('Stays behind for good').waitFor();
    shop.services.canRelease = true;
    await shop.amends.get('order-1').retry({ reason: 'from a terminal' });
    await dialog.getByRole('alert').getByText('It has moved on').waitFor();
    await dialog.getByRole('button', { name: 'Terminate', exact: true }).waitFor({ state: 'detached' });
    expect((await shop.amends.get('order-1').outcome({ timeoutMs: 10_000 })).status).toBe('compensated');
  });

  test('a history that could not be read is read again when somebody asks', async () => {
    await shop.work();
    await (await shop.amends.start(shop.order, MUG, { id: 'order-1' })).outcome({ timeoutMs: 15_000 });
    const page = await browser.open(`${shop.dashboard.url}/inbox`, { expected: /ERR_FAILED/ });
    await page.route('**/history?*', (route) => route.abort());
    await page.goto(`${shop.dashboard.url}/transactions/order-1`);
    const history = page.getByRole('region', { name: 'History' });
    await history.getByRole('alert').waitFor();
    await page.unroute('**/history?*');
    await history.getByRole('button', { name: 'Try again' }).click();
    await history.getByText('reserve_stock').first().waitFor();
    expect(await history.getByRole('alert').count()).toBe(0);
  });

  test('where no worker is, nothing is said to run; as soon as there is one, it goes on', async () => {
    await shop.amends.start(shop.order, MUG, { id: 'order-1' });
    const page = await browser.open(`${shop.dashboard.url}/transactions/order-1`);
    await page.getByRole('alert').getByText('No worker for reserve_stock and reserve_courier').waitFor();
    await page.getByRole('link', { name: /^reserve_stock, queued, no worker/ }).waitFor();
    await page.getByRole('region', { name: 'Timeline' }).getByText(', queued, no worker').first().waitFor();
    await page.getByRole('status').getByText('no worker takes its jobs').waitFor();
    await shop.work();
    await page.getByText('All 5 steps succeeded.').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  test('a saga that has only waited so far says that nothing was attempted', async () => {
    const gated = saga({ name: 'gated', version: 1, input: z.unknown() }).waitFor(approval, { timeoutMs: 600_000 });
    await shop.work([gated]);
    await shop.amends.start(gated, {}, { id: 'gated-1' });
    const page = await browser.open(`${shop.dashboard.url}/transactions/gated-1`);
    await page.getByRole('heading', { name: 'Nothing was attempted yet' }).waitFor();
    await page.getByText('It waits for the signal approval.').waitFor();
    expect(await page.getByText('The first step waits for a worker').count()).toBe(0);
  });
});

describe('live updates', () => {
  const shop = useShop('redis');
  const browser = useBrowser();

  test('after a cut they go on from the last one that was heard, and none is missing', async () => {
    await shop.work();
    const proxy = await FaultProxy.before(shop.dashboard.url);
    try {
      const page = await browser.open('about:blank', { expected: /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE/ });
      const heard = await listenIn(page);
      await page.goto(`${proxy.url}transactions`);
      await page.getByRole('banner').getByText('live').waitFor(); // what came before is on the page already
      await (await shop.amends.start(shop.order, MUG, { id: 'before' })).outcome({ timeoutMs: 15_000 });
      await eventually(() => expect(heard.changes()).toContain('before completed'));
      const last = heard.lastId();
      proxy.refuse();
      await page.getByRole('banner').getByText('reconnecting').waitFor();
      const asked = page.waitForRequest((request) => request.url().includes('lastEventId'));
      for (const id of ['while-1', 'while-2', 'while-3']) {
        await (await shop.amends.start(shop.order, MUG, { id })).outcome({ timeoutMs: 15_000 });
      }
      proxy.pass();
      expect(new URL((await asked).url()).searchParams.get('lastEventId')).toBe(last);
      await eventually(() => {
        for (const id of ['while-1', 'while-2', 'while-3']) expect(heard.changes()).toContain(`${id} completed`);
      });
      expect(heard.names(), 'nothing was lost').not.toContain('reset');
      await page.getByRole('row').filter({ hasText: 'while-3' }).getByText('completed').waitFor();
    } finally {
      await proxy.close();
    }
  });

  test('they go on when the dashboard was down and is back, at another process too', async () => {
    await shop.work();
    const page = await browser.open('about:blank', { expected: /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE/ });
    const heard = await listenIn(page);
    const dashboard = await shop.open();
    await page.goto(`${dashboard.url}/transactions`);
    await page.getByRole('banner').getByText('live').waitFor();
    const port = Number(new URL(dashboard.url).port);
    await dashboard.close();
    await page.getByText('The connection was cut.').waitFor();
    await (await shop.amends.start(shop.order, MUG, { id: 'while-down' })).outcome({ timeoutMs: 15_000 });
    await shop.open({ port });
    await eventually(() => expect(heard.changes()).toContain('while-down completed'), { timeoutMs: 25_000 });
    expect(heard.names()).not.toContain('reset');
    await page.getByRole('row').filter({ hasText: 'while-down' }).getByText('completed').waitFor();
  });
});
