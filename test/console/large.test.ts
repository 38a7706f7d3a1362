import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useBrowser } from './browser.ts';
import { useShop } from './fixture.ts';
import { longSaga, MUG } from './shop.ts';

/** Notes in the page how many attempts at the charge its timeline says there are, whenever that changes. */
const COUNT_DRAWN = `{
  window.drawn = [];
  const note = () => {
    const text = [...document.querySelectorAll('.timeline li')].find((row) => row.textContent.includes('charge_card')).textContent;
    const count = Number(/×(\\d+)/.exec(text)[1]);
    if (window.drawn.at(-1) !== count) window.drawn.push(count);
  };
  new MutationObserver(note).observe(document.querySelector('.timeline'), { subtree: true, childList: true, characterData: true });
}`;

describe('large transactions in the console', () => {
  const shop = useShop('redis');
  const browser = useBrowser();

  test('a saga of 200 steps is drawn whole, and can be walked, made smaller and looked into', async () => {
    const long = longSaga(200);
    await shop.work([long]);
    const run = await shop.amends.start(long, MUG, { id: 'long-1' });
    expect((await run.outcome({ timeoutMs: 60_000 })).status).toBe('completed');
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
  }, 90_000);

  test('1,000 attempts are drawn together, and listed without drawing them all', async () => {
    await shop.work();
    shop.services.vagueCharges = 999;
    const run = await shop.amends.start(shop.order, MUG, { id: 'busy-1' });
    const upTo = async (version: number): Promise<void> => {
      await eventually(async () => expect((await run.view()).version).toBeGreaterThan(version), { timeoutMs: 100_000, everyMs: 250 });
      await run.pause({ reason: 'somebody looks' }); // or a slow machine would show its end only
    };
    await upTo(1_250); // more than one answer has, so that the older ones are asked for
    const page = await browser.open(`${shop.dashboard.url}/transactions/busy-1?step=charge_card&op=run`);
    const drawer = page.getByRole('complementary', { name: 'Step charge_card' });
    await drawer.waitFor();
    await page.evaluate(COUNT_DRAWN);
    for (const [drawnBefore, version] of [1_500, 1_750].entries()) {
      await run.resume({ reason: 'somebody has looked' });
      await upTo(version);
      await eventually(async () => expect(await page.evaluate('new Set(window.drawn).size')).toBeGreaterThan(drawnBefore));
    }
    await run.resume({ reason: 'somebody has looked' });
    expect((await run.outcome({ timeoutMs: 150_000 })).status).toBe('completed');
    await page.getByRole('region', { name: 'Timeline' }).getByText('×1000').waitFor();
    const drawn = await page.evaluate<number[]>('window.drawn');
    expect(new Set(drawn).size, 'updates while it was looked at').toBeGreaterThan(2);
    expect(drawn, 'what was drawn stays').toEqual([...drawn].sort((a, b) => a - b));
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
