import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { findChromium } from '../../scripts/servers/chromium.mjs';

/** How long the page may take for what a person waits for. */
const PATIENCE_MS = 15_000;

interface OpenOptions extends BrowserContextOptions {
  /** What the browser may complain about in this test, for the test brings it about. */
  readonly expected?: RegExp;
}

export interface BrowserBench {
  /** A page of its own, with its own storage. It is closed after the test, and may not have complained of anything. */
  open(url: string, options?: OpenOptions): Promise<Page>;
}

const wide = { width: 1440, height: 900 };

/** A browser for the suite in which it is called. Every complaint of a page (an error, a refusal by its policy, a failed request) fails its test. */
export function useBrowser(): BrowserBench {
  let browser: Browser | undefined;
  let complaints: string[] = [];
  beforeAll(async () => {
    const executablePath = await findChromium();
    if (executablePath === undefined) throw new Error('no Chromium on PATH: run the tests by `npm test`, or set AMENDS_CHROMIUM to one');
    // Chromium refuses its sandbox to root; the only pages it opens are ours.
    const args = [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), '--disable-dev-shm-usage'];
    browser = await chromium.launch({ executablePath, args, headless: true });
  }, 60_000);
  afterAll(() => browser?.close());
  afterEach(async () => {
    for (const context of browser?.contexts() ?? []) await context.close();
    const heard = complaints;
    complaints = [];
    expect(heard, 'what the browser complained about').toEqual([]);
  });
  return {
    async open(url, { expected, ...options } = {}) {
      const context = await browser!.newContext({ viewport: wide, reducedMotion: 'reduce', locale: 'en-GB', ...options });
      context.setDefaultTimeout(PATIENCE_MS);
      const complain = (text: string): void => {
        if (expected?.test(text) !== true) complaints.push(text);
      };
      context.on('weberror', (error) => complain(`thrown: ${error.error().message}`));
      context.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) complain(`${message.type()}: ${message.text()}`);
      });
      context.on('dialog', (dialog) => {
        complain(`a dialog opened: ${dialog.message()}`);
        void dialog.dismiss();
      });
      const page = await context.newPage();
      await page.goto(url);
      return page;
    },
  };
}

/** The page's address without its origin. */
export function addressOf(page: Page): string {
  const { pathname, search } = new URL(page.url());
  return pathname + search;
}

/** How far the page is wider than its window. */
export function overflowOf(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}

/** What the page has been told by server-sent events. */
export interface Heard {
  names(): string[];
  /** `order-1 completed`, in the order in which they came. */
  changes(): string[];
  lastId(): string;
}

/** Hears what the page's event sources hear, whatever the page makes of it. */
export async function listenIn(page: Page): Promise<Heard> {
  const messages: { readonly name: string; readonly id: string; readonly data: string }[] = [];
  const session = await page.context().newCDPSession(page);
  session.on('Network.eventSourceMessageReceived', ({ eventName, eventId, data }) => {
    messages.push({ name: eventName, id: eventId, data });
  });
  await session.send('Network.enable');
  return {
    names: () => messages.map(({ name }) => name),
    changes: () =>
      messages.flatMap(({ name, data }) => {
        if (name !== 'change') return [];
        const { id, status } = JSON.parse(data) as { id: string; status: string };
        return [`${id} ${status}`];
      }),
    lastId: () => messages.findLast(({ id }) => id !== '')!.id,
  };
}
