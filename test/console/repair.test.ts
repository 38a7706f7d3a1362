import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { addressOf, useBrowser } from './browser.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { useShop } from './fixture.ts';
import { startStuck } from './shop.ts';

describe.each(STORE_KINDS)('repairs in the console on %s', (kind) => {
  const shop = useShop(kind);
  const browser = useBrowser();

  test('from an alert’s link to the end: why it is stuck, what a repair would do, and how it ends', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order/1');
    const page = await browser.open(`${shop.dashboard.url}/transactions/${encodeURIComponent('order/1')}`);

    await page.getByRole('heading', { name: 'order/1', level: 1 }).waitFor();
    const why = page.getByRole('region', { name: 'Why it is stuck' });
    await why.getByText('The undo of reserve_stock failed 2 times').waitFor();
    await why.getByText('connect ECONNREFUSED stock.internal:8443').waitFor();
    await why.getByText('create_shipment failed: no carrier goes there').waitFor();
    await page.getByRole('link', { name: /^undo of reserve_stock, undo stuck/ }).waitFor();
    await page.getByRole('link', { name: /^undo of charge_card, undone/ }).waitFor();

    await why.getByRole('button', { name: 'Retry the undo…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retry' });
    await dialog.getByRole('group', { name: 'Preview' }).getByText('reserve_stock').first().waitFor();
    const act = dialog.getByRole('button', { name: 'Retry', exact: true });
    expect(await act.isDisabled(), 'without a reason').toBe(true);

    shop.services.canRelease = true;
    await dialog.getByLabel(/^Why/).fill('the stock is back');
    await act.click();
    await page.getByRole('status').getByText('Everything it did was undone').waitFor();
    expect(await why.count()).toBe(0);
    await page.getByRole('region', { name: 'History' }).getByText('“the stock is back”').waitFor();
    const history = await shop.amends.get('order/1').history();
    expect(history.find(({ event }) => event.type === 'retry_requested')?.event.data).toMatchObject({ reason: 'the stock is back' });
  });

  test('a repair that somebody else was faster with changes nothing, and says so', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const page = await browser.open(`${shop.dashboard.url}/inbox`, { expected: /status of 409|ERR_FAILED/ });
    // It hears of nothing: the preview stays as it was.
    await page.route('**/events*', (route) => route.abort());
    await page.goto(`${shop.dashboard.url}/transactions/order-1`);
    await page.getByRole('button', { name: 'Terminate…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Terminate' });
    await dialog.getByText('Stays behind for good').waitFor();
    shop.services.canRelease = true;
    await shop.amends.get('order-1').retry({ reason: 'from a terminal' });
    await dialog.getByLabel(/^Why/).fill('too late');
    await dialog.getByRole('button', { name: 'Terminate', exact: true }).click();
    await dialog.getByText('The preview above is new').waitFor();
    expect((await shop.amends.get('order-1').outcome({ timeoutMs: 10_000 })).status).toBe('compensated');
  });

  test('the inbox groups what is stuck by its cause; all of a group are repaired at once, with count and progress', async () => {
    await shop.work();
    const ids = ['a-1', 'a-2', 'a-3', 'a-4', 'a-5', 'a-6', 'a-7'];
    for (const id of ids) await startStuck(shop.amends, shop.order, shop.services, id);
    const page = await browser.open(`${shop.dashboard.url}/inbox`);
    const group = page.getByRole('article', { name: 'Undoing reserve_stock in order: 7' });
    await group.getByText('Left behind:').waitFor();
    await page.getByRole('navigation', { name: 'Pages' }).getByText('7 stuck').waitFor({ state: 'attached' });

    await group.getByRole('link', { name: 'Retry all 7…' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('7 transactions').waitFor();
    shop.services.canRelease = true;
    await dialog.getByLabel(/^Why/).fill('the stock is back');
    await dialog.getByLabel('How many a second').fill('5');
    await dialog.getByRole('button', { name: 'Retry 7' }).click();
    const progress = page.getByRole('region', { name: 'Bulk retry' });
    await progress.getByRole('progressbar').waitFor();
    await progress.getByText('7 of 7').waitFor();
    await eventually(async () => {
      for (const id of ids) expect((await shop.amends.get(id).outcome({ timeoutMs: 5_000 })).status).toBe('compensated');
    });
    await page.getByRole('link', { name: 'Inbox' }).click();
    await page.getByRole('heading', { name: 'Nothing is stuck' }).waitFor();
  });

  test('a bulk act is stopped in the middle; what it had not begun stays as it was', async () => {
    await shop.work();
    for (const id of ['b-1', 'b-2', 'b-3']) await startStuck(shop.amends, shop.order, shop.services, id);
    const page = await browser.open(`${shop.dashboard.url}/transactions?status=stuck&bulk=retry`);
    const dialog = page.getByRole('dialog');
    await dialog.getByText('3 transactions').waitFor();
    await dialog.getByLabel(/^Why/).fill('a try');
    await dialog.getByLabel('How many a second').fill('0.1');
    await dialog.getByRole('button', { name: 'Retry 3' }).click();
    const progress = page.getByRole('region', { name: 'Bulk retry' });
    // Who loads the page again finds it.
    await progress.waitFor();
    await page.reload();
    await progress.getByRole('button', { name: 'Stop' }).click();
    await progress.getByText('somebody on this machine stopped it').waitFor();
    expect(addressOf(page)).toContain('status=stuck');
    const { transactions } = await shop.amends.list({ status: ['stuck'] });
    expect(transactions.length).toBeGreaterThanOrEqual(2);
  });

  test('the whole way by keyboard alone: filter, list, reason, repair, end', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    await startStuck(shop.amends, shop.order, shop.services, 'order-2');
    const page = await browser.open(`${shop.dashboard.url}/`);
    await page.getByRole('link', { name: 'order-1', exact: true }).waitFor();
    const press = (...keys: string[]) => keys.reduce((before, key) => before.then(() => page.keyboard.press(key)), Promise.resolve());
    const focused = () => page.evaluate<string>('document.activeElement?.textContent ?? ""');

    await press('Tab');
    expect(await focused()).toBe('Skip to the page');
    await press('Enter', '?');
    await page.getByRole('dialog', { name: 'Keyboard and signs' }).waitFor();
    await press('Escape', '/');
    await page.keyboard.type('order-2');
    await eventually(async () => expect(await page.getByRole('row').count()).toBe(2));
    await press('Escape', 'j');
    expect(await focused()).toBe('order-2');
    await press('Enter');
    await page.getByRole('heading', { name: 'order-2', level: 1 }).waitFor();

    const toFocus = async (name: string): Promise<void> => {
      for (let presses = 0; presses < 40; presses++) {
        if ((await focused()) === name) return;
        await press('Tab');
      }
      throw new Error(`Tab does not come to ${name}`);
    };
    await toFocus('Retry the undo…');
    await press('Enter');
    await page.getByRole('dialog', { name: 'Retry' }).getByLabel(/^Why/).waitFor();
    shop.services.canRelease = true;
    await eventually(async () => expect(await page.evaluate('document.activeElement?.tagName')).toBe('TEXTAREA'));
    await page.keyboard.type('by hand');
    await toFocus('Retry');
    await press('Enter');
    await page.getByRole('status').getByText('Everything it did was undone').waitFor();

    // Into the graph, along it, into the drawer and out again.
    await press('g', 'i');
    await page.getByRole('heading', { name: 'Inbox' }).waitFor();
    await press('g', 't');
    await page.getByRole('link', { name: 'order-1', exact: true }).waitFor();
    await press('k', 'Enter');
    await page.getByRole('heading', { name: /^order-/, level: 1 }).waitFor();
    await page.locator('[data-node="compensate reserve_stock"]').focus();
    await press('ArrowRight');
    expect(await page.evaluate('document.activeElement.getAttribute("data-node")')).toBe('compensate charge_card');
    await press('Enter');
    await page.getByRole('complementary', { name: 'Step charge_card' }).waitFor();
    await press('Escape');
    await page.getByRole('complementary', { name: 'Step charge_card' }).waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.getAttribute("data-node")'), 'focus comes back').toBe('compensate charge_card');
  });
});
