import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useBrowser } from './browser.ts';
import { useShop, type ShopBench } from './fixture.ts';
import { checkoutTcc, claimSaga, MUG, startStuck } from './shop.ts';

const SCREENS = {
  desktop: { viewport: { width: 1440, height: 900 } },
  phone: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true },
} as const;

/** The success criteria of WCAG 2.1, levels A and AA, as far as a program can check them. */
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'];

interface Violation {
  readonly id: string;
  readonly help: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

async function violationsOf(page: Page): Promise<string[]> {
  // By the debugger: the page's policy lets no foreign script in.
  await page.evaluate(`${axe.source};0`);
  const violations = await page.evaluate<Violation[]>(
    `axe.run({ runOnly: ${JSON.stringify(RULES)}, resultTypes: ['violations'] }).then(({ violations }) => violations)`,
  );
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}\n  ${html}\n  ${failureSummary}`),
  );
}

/** Something of everything: stuck, waiting, done, undone, held, unserved, and events. */
async function fill(shop: ShopBench): Promise<void> {
  const { amends, order, services } = shop;
  const [claim, checkout] = [claimSaga(), checkoutTcc({ canConfirm: false })];
  await shop.work([order, claim, checkout]);
  await (await amends.start(order, MUG, { id: 'order-good', tags: { customer: 'c1' } })).outcome({ timeoutMs: 15_000 });
  services.noCarrier = true;
  await (await amends.start(order, MUG, { id: 'order-undone' })).outcome({ timeoutMs: 15_000 });
  await startStuck(amends, order, services, 'order-stuck');
  await amends.start(claim, MUG, { id: 'claim-1' });
  await amends.start(checkout, MUG, { id: 'checkout-1' });
  await eventually(async () => expect((await amends.list({ status: ['stuck'] })).transactions).toHaveLength(2));
}

const PAGES: Readonly<Record<string, string>> = {
  list: 'transactions',
  'empty list': 'transactions?saga=none',
  'a tag half typed': 'transactions?tag=customer',
  inbox: 'inbox',
  services: 'services',
  statistics: 'statistics',
  streams: 'streams',
  stuck: 'transactions/order-stuck',
  completed: 'transactions/order-good',
  compensated: 'transactions/order-undone',
  waiting: 'transactions/claim-1',
  TCC: 'transactions/checkout-1',
  drawer: 'transactions/order-stuck?step=reserve_stock&op=compensate',
  'no such page': 'transactions/a/b/c',
  'no such transaction': 'transactions/none',
};

/** What is opened on a page, and by what. */
const DIALOGS: readonly (readonly [name: string, path: string, open: (page: Page) => Promise<void>])[] = [
  ['keys', 'transactions', (page) => page.keyboard.press('?')],
  ['retry', 'transactions/order-stuck', (page) => page.getByRole('button', { name: 'Retry the undo…' }).click()],
  ['terminate', 'transactions/order-stuck', (page) => page.getByRole('button', { name: 'Terminate…' }).click()],
  ['signal', 'transactions/claim-1', (page) => page.getByRole('button', { name: 'Send signal…' }).click()],
  ['bulk', 'transactions?status=stuck', (page) => page.getByRole('button', { name: 'Bulk action…' }).click()],
];

const LOOKS = (['light', 'dark'] as const).flatMap((theme) => (['desktop', 'phone'] as const).map((screen) => [theme, screen] as const));

describe('the console can be used by everybody', () => {
  const shop = useShop('redis');
  const browser = useBrowser();

  test.each(LOOKS)(
    'every page and dialog keeps the rules of WCAG 2.1 AA, %s on a %s',
    async (colorScheme, screen) => {
      await fill(shop);
      const { url } = shop.dashboard;
      const page = await browser.open(`${url}/`, { colorScheme, ...SCREENS[screen], expected: /status of 404/ });
      const found: string[] = [];
      const look = async (name: string): Promise<void> => {
        await eventually(async () => expect(await page.locator('[aria-busy=true], .loading').count()).toBe(0));
        found.push(...(await violationsOf(page)).map((violation) => `${name}: ${violation}`));
      };
      for (const [name, path] of Object.entries(PAGES)) {
        await page.goto(`${url}/${path}`);
        await page.locator('h1, .empty').first().waitFor();
        await look(name);
      }
      for (const [name, path, open] of DIALOGS) {
        await page.goto(`${url}/${path}`);
        await page.getByRole('heading', { level: 1 }).waitFor();
        await open(page);
        await page.getByRole('dialog').waitFor();
        await look(`dialog ${name}`);
      }
      expect(found).toEqual([]);
    },
    180_000,
  );
});
