import request from 'supertest';
import * as z from 'zod';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resource, tcc, type Amends } from 'amends';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { connectTo } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { amends as run, begin, type Running } from './command.ts';

describe('from the command line, on redis', { timeout: 60_000 }, () => {
  const store = useStore('redis');
  const at = (...args: string[]): string[] => [...args, '--url', store.url, '--namespace', store.namespace];
  let amends: Amends;
  let served: Running | undefined;
  beforeEach(async () => {
    amends = await connectTo(store);
  });
  afterEach(async () => {
    served?.child.kill('SIGTERM');
    await served?.ended;
    served = undefined;
    await amends.close();
  });

  async function dashboard(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    served = begin(at('dashboard', '--port', '0', ...args), { env });
    const { stdout } = served.child;
    let text = '';
    stdout?.on('data', (chunk: string) => (text += chunk));
    return eventually(() => {
      expect(text).toMatch(/^http.*\n/);
      return text.trim();
    });
  }

  test('the dashboard takes a user, the hosts of a proxy, how many there are, and where traces are', async () => {
    const url = await dashboard(
      ['--user', 'ann', '--allowed-hosts', 'sagas.example.com', '--trust-proxy', '1', '--trace-url', 'https://tempo.example.com/{traceId}'],
      { AMENDS_DASHBOARD_PASSWORD: 'long-enough', AMENDS_DASHBOARD_VIEWER_TOKEN: 'may-look-and-nothing-else' },
    );
    const session = () => request(url).get('/api/v1/session').set('Host', 'sagas.example.com');
    await session().expect(401);
    const { body } = await session().auth('ann', 'long-enough').expect(200);
    expect(body).toMatchObject({ actor: { name: 'ann', role: 'operator' }, links: { trace: 'https://tempo.example.com/{traceId}' } });
    await session().auth('may-look-and-nothing-else', { type: 'bearer' }).expect(200);
    await request(url).get('/api/v1/session').set('Host', 'evil.example').auth('ann', 'long-enough').expect(421);
    for (let i = 0; i < 20; i++) await session().set('X-Forwarded-For', '203.0.113.7').auth('ann', 'wrong-password').expect(401);
    await session().set('X-Forwarded-For', '203.0.113.7').auth('ann', 'long-enough').expect(429);
    await session().set('X-Forwarded-For', '203.0.113.8').auth('ann', 'long-enough').expect(200);
  });

  test.each<[string, string[], RegExp]>([
    ['a user without a password', ['--user', 'ann'], /AMENDS_DASHBOARD_PASSWORD/],
    ['hosts of a proxy with nobody to log in', ['--allowed-hosts', 'sagas.example.com'], /nothing says who may/],
    ['an address for others with nobody to log in', ['--host', '0.0.0.0'], /nothing says who may/],
    ['a proxy by name', ['--trust-proxy', 'proxy.example.com'], /trustProxy is/],
    ['a place of traces without its id', ['--trace-url', 'https://tempo.example.com'], /traceId/],
  ])('%s is refused', async (_what, args, message) => {
    const { code, stderr } = await run(at('dashboard', '--port', '0', ...args));
    expect([code, stderr]).toEqual([EXIT.usage, expect.stringMatching(message) as string]);
  });

  test('confirm gives a TCC that waits for it its verdict, once', async () => {
    const stock = resource({
      name: 'stock',
      input: z.object({}),
      hold: z.object({}),
      holdForMs: 120_000,
      try: () => ({}),
      confirm: () => undefined,
      cancel: () => undefined,
    });
    const cart = tcc({ name: 'cart', version: 1, input: z.object({}), deadlineMs: 60_000 })
      .reserve(stock, () => ({}))
      .returns(() => ({}));
    await amends.worker({ sagas: [cart] }).run();
    const held = await amends.start(cart, {}, { id: 'cart-1', awaitsVerdict: true });
    expect(await held.held({ timeoutMs: 15_000 })).toBe(true);
    expect((await run(at('confirm', 'cart-1', '--dry-run'))).stdout).toContain(
      'gives the verdict: everything that is held will be confirmed',
    );
    expect(await run(at('confirm', 'cart-1', '--reason', 'paid'))).toMatchObject({ code: EXIT.ok, stderr: '' });
    await held.result({ timeoutMs: 15_000 });
    const history = await held.history();
    expect(history.map(({ event }) => event).find(({ type }) => type === 'verdict_reached')?.data).toMatchObject({
      by: expect.stringContaining('@') as string,
      reason: 'paid',
    });
    expect((await run(at('confirm', 'cart-2'))).code).toBe(EXIT.usage);
  });
});
