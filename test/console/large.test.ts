import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useBrowser } from './browser.ts';
import { useShop } from './fixture.ts';
import { longSaga, MUG } from './shop.ts';

describe('large transactions in the console', () => {
  const shop = useShop('redis');
  const browser = useBrowser();

  test('a saga of 200 steps is drawn whole, and can be walked, made smaller and looked into', async () => {
    const long = longSaga(200);
    await shop.work([long]);
    const run = await shop.amends.start(long, MUG, { id: 'long-1' });
    expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    const page = await browser.open(`${shop.dashboard.url}/transactions/long-1`);
    const graph = page.getByRole('region', { name: 'Graph' });
    await eventually(async () => expect(await graph.locator('[data-node]').count()).toBe(400));
    await graph.getByRole('button', { name: 'All of it' }).click();
    await eventually(async () => expect(Number.parseInt(await graph.getByLabel('Size').innerText(), 10)).toBeLessThan(20));
    await graph.getByRole('button', { name: 'Where it is' }).click();
    await graph.getByRole('link', { name: /^step_1,/ }).focus();
    for (let presses = 0; presses < 30; presses++) await page.keyboard.press('ArrowRight');
    expect(await page.evaluate('document.activeElement.getAttribute("data-node")')).toBe('run step_31');
    await page.keyboard.press('Enter');
    const drawer = page.getByRole('complementary', { name: 'Step step_31' });
    await drawer.getByText('"ref": "mug"').waitFor();
    const timeline = page.getByRole('region', { name: 'Timeline' });
    await timeline.getByRole('button', { name: /^Show the other/ }).click();
    await eventually(async () => expect(await timeline.locator('.bars').count()).toBe(200));
  });

  test('1,000 attempts are drawn together, and listed without drawing them all', async () => {
    await shop.work();
    shop.services.vagueCharges = 999;
    const run = await shop.amends.start(shop.order, MUG, { id: 'busy-1' });
    expect((await run.outcome({ timeoutMs: 150_000 })).status).toBe('completed');
    const page = await browser.open(`${shop.dashboard.url}/transactions/busy-1?step=charge_card&op=run`);
    const drawer = page.getByRole('complementary', { name: 'Step charge_card' });
    await drawer.waitFor();
    await page.getByRole('region', { name: 'Timeline' }).getByText('×1000').waitFor();
    const bars = page.getByRole('region', { name: 'Timeline' }).locator('li.chosen .bars > *');
    expect(await bars.count(), 'not one element for each attempt').toBeLessThan(100);
    expect(await drawer.locator('.attempts li').count()).toBeLessThan(40);

    // j goes on where the list ends on the screen, and to the end of it.
    await drawer.getByRole('link', { name: /^1000/ }).focus();
    for (let presses = 0; presses < 25; presses++) await page.keyboard.press('j');
    await page.keyboard.press('Enter');
    await drawer.getByRole('heading', { name: /^Attempt 975/ }).waitFor();
    // The oldest by its address: the list comes to it.
    await page.goto(`${shop.dashboard.url}/transactions/busy-1?step=charge_card&op=run&attempt=1`);
    await drawer.locator('.attempts a[aria-current=true][href$="attempt=1"]').waitFor();
    await drawer.getByRole('heading', { name: /^Attempt 1 / }).waitFor();
    await drawer.getByText('the provider hung up').waitFor();
    await page
      .getByRole('region', { name: 'History' })
      .getByRole('button', { name: /more of/ })
      .click();
  }, 180_000);
});
