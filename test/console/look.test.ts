import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { afterEach, describe, expect, test } from 'vitest';
import { dashboardRouter } from 'amends/dashboard';
import { eventually } from '../support/eventually.ts';
import { overflowOf, useBrowser } from './browser.ts';
import { CONSOLE_STORES, useShop } from './fixture.ts';
import { checkoutTcc, MUG, startStuck } from './shop.ts';

const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const PAGES = ['transactions', 'inbox', 'services', 'statistics', 'streams'] as const;

describe.each(CONSOLE_STORES)('how the console looks on %s', (kind) => {
  const shop = useShop(kind);
  const browser = useBrowser();

  test('a script in errors, payloads, tags and reasons stays text', async () => {
    const script = '<img src=x onerror=alert(1)><script>alert(2)</script>';
    shop.services.releaseError = script;
    await shop.work();
    Object.assign(shop.services, { noCarrier: true, canRelease: false });
    const run = await shop.amends.start(shop.order, { ...MUG, sku: script }, { id: 'order-1', tags: { note: script } });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('stuck');
    await run.pause({ reason: script });
    await run.resume();
    for (const path of ['/transactions', '/inbox', '/transactions/order-1?step=reserve_stock&op=compensate']) {
      const page = await browser.open(shop.dashboard.url + path);
      await page.getByText(script).first().waitFor();
      expect(await page.locator('img, main script').count(), `on ${path}`).toBe(0);
    }
    const page = await browser.open(`${shop.dashboard.url}/transactions/order-1?step=${encodeURIComponent(script)}`);
    await page.getByRole('complementary').getByText(script).waitFor();
    await browser.open(`${shop.dashboard.url}/streams/${encodeURIComponent(script)}`);
  });

  test('a TCC reads in its own words: holds with their end, the verdict, what is confirmed', async () => {
    const seats = { canConfirm: false };
    const checkout = checkoutTcc(seats);
    await shop.work([checkout]);
    const run = await shop.amends.start(checkout, MUG, { id: 'checkout-1' });
    await eventually(async () => expect((await shop.amends.list({ status: ['stuck'] })).transactions).toHaveLength(1));
    const page = await browser.open(`${shop.dashboard.url}/transactions/checkout-1`);
    await page.getByRole('region', { name: 'Reservations' }).getByText('verdict: confirm everything').waitFor();
    await page.getByRole('row', { name: /seat.*confirm stuck.*in \d/ }).waitFor();
    await page.getByRole('link', { name: /^confirm of stock, confirmed/ }).waitFor();
    await page.getByRole('link', { name: /^cancel of seat, if needed/ }).waitFor();
    await page.getByText('The confirm of seat failed').waitFor();
    seats.canConfirm = true;
    await page.getByRole('button', { name: 'Retry the confirm…' }).click();
    await page.getByRole('dialog').getByLabel(/^Why/).fill('the seats are open');
    await page.getByRole('dialog').getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByText('2 reservations held and confirmed').waitFor();
    expect((await run.outcome()).status).toBe('confirmed');
  });

  test('a step that nobody serves is said in words; statistics and streams say what there is', async () => {
    const page = await browser.open(`${shop.dashboard.url}/services`);
    await page.getByRole('heading', { name: 'No saga is known yet' }).waitFor();
    await page.goto(`${shop.dashboard.url}/statistics`);
    await page.getByRole('heading', { name: 'Nothing started in this time' }).waitFor();
    await page.goto(`${shop.dashboard.url}/streams`);
    await page.getByRole('heading', { name: 'No events here' }).waitFor();

    await shop.amends.start(shop.order, MUG, { id: 'order-1' });
    await page.goto(`${shop.dashboard.url}/services`);
    await page.getByRole('article', { name: 'order' }).waitFor();
    await page.goto(`${shop.dashboard.url}/statistics`);
    await page.getByRole('row', { name: /^order/ }).waitFor();
    await page.getByRole('img', { name: 'Transactions started over time, by outcome' }).waitFor();
    await shop.work();
    await page.goto(`${shop.dashboard.url}/transactions/order-1`);
    await page.getByText('All 5 steps succeeded.').waitFor();
    expect(await page.locator('[data-node^=run].shape-check').count()).toBe(5);
  });
});

describe('on whatever screen the console is seen', () => {
  const shop = useShop('redis');
  const browser = useBrowser();

  test('on a phone no page is wider than the screen, and the pages are at hand', async () => {
    await shop.work();
    shop.services.noCarrier = true;
    await (await shop.amends.start(shop.order, MUG, { id: 'order-undone' })).outcome({ timeoutMs: 15_000 });
    const id = `order-${'x'.repeat(100)}`;
    await startStuck(shop.amends, shop.order, shop.services, id);
    const page = await browser.open(`${shop.dashboard.url}/`, phone);
    await page.getByRole('link', { name: id, exact: true }).waitFor();
    for (const name of PAGES) {
      await page.goto(`${shop.dashboard.url}/${name}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await eventually(async () => expect(await page.locator('[aria-busy=true], .loading').count()).toBe(0));
      expect(await overflowOf(page), `the page ${name}`).toBe(0);
    }
    await page.goto(`${shop.dashboard.url}/transactions/${id}`);
    await page.getByRole('button', { name: 'Retry the undo…' }).click();
    await page.getByRole('dialog').getByLabel(/^Why/).waitFor();
    expect(await overflowOf(page), 'with a dialog').toBe(0);
    await page.getByRole('button', { name: 'Don’t' }).click();
    await page.goto(`${shop.dashboard.url}/transactions/${id}?step=reserve_stock&op=compensate`);
    await page.getByRole('complementary').waitFor();
    expect(await overflowOf(page), 'with the drawer').toBe(0);
  });

  test('the theme is the system’s until one is chosen, and the choice stays', async () => {
    const background = 'getComputedStyle(document.documentElement).backgroundColor';
    const light = await browser.open(`${shop.dashboard.url}/`, { colorScheme: 'light' });
    const dark = await browser.open(`${shop.dashboard.url}/`, { colorScheme: 'dark' });
    const white = await light.evaluate<string>(background);
    const black = await dark.evaluate<string>(background);
    expect(white).not.toBe(black);
    await light.getByRole('button', { name: 'Theme: system. Change' }).click();
    await light.getByRole('button', { name: 'Theme: dark. Change' }).waitFor();
    await eventually(async () => expect(await light.evaluate(background)).toBe(black));
    await light.reload();
    await light.getByRole('button', { name: 'Theme: dark. Change' }).click();
    await light.getByRole('button', { name: 'Theme: light. Change' }).waitFor();
    await eventually(async () => expect(await light.evaluate(background)).toBe(white));
  });
});

describe('where the console is mounted', () => {
  const shop = useShop('redis');
  const servers: Server[] = [];
  afterEach(async () => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  });
  // Declared last, so that its pages are closed before the servers are.
  const browser = useBrowser();

  async function mount(path: string, options: Parameters<typeof dashboardRouter>[1]): Promise<string> {
    const server = createServer(express().use(path, await dashboardRouter(shop.amends, options)));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;
  }

  test('it works below any path, by deep link too', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'eu/1');
    const url = await mount('/ops/sagas', { auth: false, authorize: () => true, actor: () => 'jane' });
    const page = await browser.open(`${url}/transactions/eu%2F1`);
    await page.getByRole('button', { name: 'Retry the undo…' }).waitFor();
    await page.getByRole('banner').getByText('signed in as jane').waitFor();
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.getByRole('article').waitFor();
    expect(page.url()).toBe(`${url}/inbox`);
    await page.getByRole('banner').getByText('live', { exact: true }).waitFor();
  });

  test('whoever may only look sees everything and is offered no repair', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const [token, viewer] = ['for-those-who-repair-it', 'for-those-who-look-at-it'];
    const url = await mount('/', { auth: { token, viewer: { token: viewer } } });
    const open = (username: string, password: string) =>
      browser.open(`${url}transactions/order-1`, { httpCredentials: { username, password } });
    const page = await open('jane', viewer);
    await page.getByText('You may look, not repair: ask an operator.').waitFor();
    expect(await page.getByRole('button', { name: /Terminate|Cancel|Retry/ }).count()).toBe(0);
    await page.getByRole('banner').getByText('jane').waitFor();
    const operator = await open('joe', token);
    await operator.getByRole('button', { name: 'Terminate…' }).click();
    await operator.getByRole('dialog').getByLabel(/^Why/).fill('settled by hand');
    await operator.getByRole('button', { name: 'Terminate', exact: true }).click();
    await page.getByText('ended it: settled by hand').waitFor();
  });
});
