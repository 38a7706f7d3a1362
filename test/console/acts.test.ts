import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { useBrowser } from './browser.ts';
import { useShop } from './fixture.ts';
import { checkoutTcc, claimSaga, MUG, startStuck } from './shop.ts';

/** Opens an act's dialog by its button, gives the reason, and does it. */
async function act(
  page: Page,
  button: string,
  reason: string,
  fill?: (dialog: Locator) => Promise<void>,
  title: string = button,
): Promise<void> {
  await page
    .getByRole('button', { name: `${button}…` })
    .first()
    .click();
  const dialog = page.getByRole('dialog', { name: title });
  await dialog.getByRole('group', { name: 'Preview' }).waitFor();
  await fill?.(dialog);
  await dialog.getByLabel(/^Why/).fill(reason);
  await dialog.getByRole('button', { name: title, exact: true }).click();
  await dialog.waitFor({ state: 'detached' });
  // Who, why, before and after.
  const entry = page
    .getByRole('region', { name: 'History' })
    .getByRole('listitem')
    .filter({ hasText: `“${reason}”` });
  await entry.locator('strong', { hasText: 'somebody on this machine' }).first().waitFor();
}

describe.each(STORE_KINDS)('acts in the console on %s', (kind) => {
  const shop = useShop(kind);
  const browser = useBrowser();
  const open = (id: string): Promise<Page> => browser.open(`${shop.dashboard.url}/transactions/${id}`);
  const says = (page: Page, text: string) => page.getByRole('status').getByText(text).waitFor();

  test('a signal is sent with what comes with it; what is not JSON is refused before it is sent', async () => {
    const claim = claimSaga();
    await shop.work([claim]);
    await shop.amends.start(claim, MUG, { id: 'claim-1' });
    const page = await open('claim-1');
    await says(page, 'It waits for the signal approval.');
    await page.getByRole('link', { name: /^approval, awaits signal/ }).waitFor();
    await act(page, 'Send signal', 'the manager said yes', async (dialog) => {
      expect(await dialog.getByLabel('Which signal').inputValue()).toBe('approval');
      await dialog.getByLabel(/^Why/).fill('the manager said yes');
      await dialog.getByLabel(/^What comes with it/).fill('approvedBy: ann');
      await dialog.getByRole('button', { name: 'Send signal', exact: true }).click();
      await dialog.getByRole('alert').getByText('is not JSON').waitFor();
      await dialog.getByLabel(/^What comes with it/).fill('{ "approvedBy": "ann" }');
    });
    await says(page, 'It waits for the signal release.');
    await page.getByRole('link', { name: /^approval, succeeded/ }).click();
    await page.getByRole('complementary').getByText('"approvedBy": "ann"').waitFor();
  });

  test('paused, nothing new is begun; resumed, it goes on', async () => {
    const claim = claimSaga();
    await shop.work([claim]);
    const run = await shop.amends.start(claim, MUG, { id: 'claim-1' });
    const page = await open('claim-1');
    await says(page, 'It waits for the signal approval.');
    await act(page, 'Pause', 'a fraud check');
    await says(page, 'paused it: a fraud check');
    expect(await page.getByRole('button', { name: 'Pause…' }).count()).toBe(0);
    await act(page, 'Resume', 'it was no fraud');
    await says(page, 'It waits for the signal approval.');
    expect((await run.view()).status).toBe('waiting');
  });

  test('cancelled, what was done is undone, and the preview has said so', async () => {
    const claim = claimSaga();
    await shop.work([claim]);
    const run = await shop.amends.start(claim, MUG, { id: 'claim-1' });
    const page = await open('claim-1');
    await says(page, 'It waits for the signal approval.');
    await act(page, 'Cancel', 'the customer withdrew it', async (dialog) => {
      await dialog.getByText('Will undo, in this order').waitFor();
      expect(await dialog.locator('.preview-names li').allTextContents()).toEqual(['check_claim']);
    });
    await says(page, 'cancelled it: the customer withdrew it');
    expect((await run.outcome({ timeoutMs: 10_000 })).status).toBe('compensated');
  });

  test('terminated, it ends at once, and what stays behind is listed', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const page = await open('order-1');
    await page.getByRole('link', { name: /^undo of reserve_courier, undone/ }).waitFor(); // it may be stuck sooner
    await act(page, 'Terminate', 'settled by hand', async (dialog) => {
      await dialog.getByText('Stays behind for good').waitFor();
      expect(await dialog.locator('.preview-names li').allTextContents()).toEqual(['reserve_stock']);
    });
    await says(page, 'Left behind: reserve_stock.');
    expect(await page.getByRole('button', { name: /Retry|Terminate|Pause/ }).count()).toBe(0);
  });

  test('of two that are stuck one is tried again, and the other is left as it is', async () => {
    const seats = { canConfirm: false, stock: { canConfirm: false } };
    const checkout = checkoutTcc(seats);
    await shop.work([checkout]);
    const run = await shop.amends.start(checkout, MUG, { id: 'checkout-1' });
    const page = await open('checkout-1');
    const why = page.getByRole('region', { name: 'Why it is stuck' });
    await why.getByRole('button', { name: 'Retry all 2…' }).waitFor();
    Object.assign(seats, { canConfirm: true });
    await why.locator('.stuck-step', { hasText: 'seat' }).getByRole('button', { name: 'Retry the confirm…' }).click();
    const dialog = page.getByRole('dialog', { name: 'Retry' });
    await dialog.getByText('Only seat').waitFor();
    await eventually(async () => expect(await dialog.locator('.preview-names li').allTextContents()).toEqual(['seat']));
    await dialog.getByLabel(/^Why/).fill('the seats are open');
    await dialog.getByRole('button', { name: 'Retry', exact: true }).click();
    await page.getByRole('link', { name: /^confirm of seat, confirmed/ }).waitFor();
    await page.getByRole('link', { name: /^confirm of stock, confirm stuck/ }).waitFor();
    seats.stock.canConfirm = true;
    await act(page, 'Retry the confirm', 'the stock is counted', undefined, 'Retry');
    expect((await run.outcome({ timeoutMs: 10_000 })).status).toBe('confirmed');
  });

  test('an undo that somebody did by hand is marked, and the rest goes on', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const page = await open('order-1');
    await act(page, 'Mark undone by hand', 'put back on the shelf myself');
    await says(page, 'Everything it did was undone');
    await page.getByRole('link', { name: /^undo of reserve_stock, undone/ }).waitFor();
    expect((await shop.amends.get('order-1').outcome()).status).toBe('compensated');
  });

  test('a step that is given up stays behind, and the rest goes on', async () => {
    await shop.work();
    await startStuck(shop.amends, shop.order, shop.services, 'order-1');
    const page = await open('order-1');
    await act(page, 'Give up the step', 'the stock was scrapped');
    await says(page, 'Left behind: reserve_stock.');
    await page.getByRole('link', { name: /^undo of reserve_stock, undo given up/ }).waitFor();
    expect((await shop.amends.get('order-1').outcome()).status).toBe('terminated');
  });

  test('a TCC that waits for its verdict is confirmed', async () => {
    const checkout = checkoutTcc({ canConfirm: true });
    await shop.work([checkout]);
    const run = await shop.amends.start(checkout, MUG, { id: 'checkout-1', awaitsVerdict: true });
    const page = await open('checkout-1');
    await says(page, 'Everything is held. It waits to be told whether to confirm.');
    await act(page, 'Confirm', 'the customer pays');
    await says(page, '2 reservations held and confirmed.');
    expect((await run.outcome({ timeoutMs: 10_000 })).status).toBe('confirmed');
  });

  test('what people did is found alone among all that happened', async () => {
    const claim = claimSaga();
    await shop.work([claim]);
    await shop.amends.start(claim, MUG, { id: 'claim-1' });
    const page = await open('claim-1');
    await says(page, 'It waits for the signal approval.');
    await act(page, 'Pause', 'let me look first');
    const history = page.getByRole('region', { name: 'History' });
    await history.getByLabel('Only what people did').check();
    await eventually(async () => expect(await history.getByRole('listitem').count()).toBe(1));
    expect(await history.getByRole('listitem').innerText()).toMatch(/let me look first[\s\S]*waiting[\s\S]*paused/);
  });
});
