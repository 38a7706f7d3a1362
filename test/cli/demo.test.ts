import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { patternOf } from '../../src/cli/demo/tally.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { amends, begin, jsonLines } from './command.ts';

// Four embedded databases are made in one run, and the machine may be busy with the other file.
const PATIENT = { timeout: 180_000 };

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amends-cli-demo-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The environment of a run: what it leaves in its temporary folder shows. */
function env(url: string): Record<string, string> {
  return { TMPDIR: folder, ...(url === '' ? {} : { AMENDS_URL: url }) };
}

const KEYS = ['store', 'started', 'rejected', 'completed', 'compensated', 'stuck', 'netZero', 'ms'];

for (const kind of STORE_KINDS) {
  describe(`demo on ${kind}`, PATIENT, () => {
    const store = useStore(kind);
    const url = (): string => (kind === 'embedded' ? '' : store.url);
    // On Redis, what is under the suite's namespace is removed at its end.
    const place = (): string[] => (kind === 'redis' ? ['--namespace', store.namespace] : []);

    test('made-up orders fail at every step and are undone: the last line says so, twice in a row', async () => {
      for (const seed of ['1', '1']) {
        const { code, stdout, stderr } = await amends(['demo', '--json', '--count', '30', '--seed', seed, ...place()], { env: env(url()) });
        const lines = jsonLines(stdout);
        expect(lines).toHaveLength(1);
        expect(Object.keys(lines[0]!)).toEqual(KEYS);
        expect(lines[0]).toMatchObject({ store: kind, started: 26, rejected: 4, completed: 18, compensated: 8, stuck: 0, netZero: true });
        expect(code).toBe(EXIT.ok);
        for (const step of ['create_order', 'reserve_inventory', 'charge_payment'])
          expect(stderr).toMatch(new RegExp(`${step} failed: [1-9]`));
        expect(stderr).toContain('│ ↩ compensated: nothing is left behind');
        expect(stderr).toContain('net zero: all of every completed order is there');
        expect(await readdir(folder)).toEqual([]);
        if (kind === 'embedded') break; // a folder of its own each time: nothing to meet
      }
    });
  });
}

describe('demo', PATIENT, () => {
  test('orders of a file: bad lines, unfit orders and repeated ones are rejected and counted', async () => {
    const order = {
      orderId: '1',
      customerId: '7',
      country: 'France',
      placedAt: '2026-01-31T12:00:00Z',
      items: [{ sku: 'A', description: 'THING', quantity: 2, unitPrice: 1.5 }],
      total: 3,
    };
    const lines = [
      order,
      { ...order, orderId: 'C2' },
      { ...order, orderId: '3', customerId: null },
      order,
      { ...order, orderId: 5 },
      [],
      null,
    ];
    const orders = join(folder, 'orders.jsonl');
    await writeFile(orders, `${lines.map((line) => JSON.stringify(line)).join('\r\n')}\n\n{"orderId":\n`);
    const store = join(folder, 'store');
    const { code, stdout, stderr } = await amends(['demo', '--orders', orders, '--folder', store], { env: env('') });
    expect(code).toBe(EXIT.ok);
    expect(stdout).toMatch(/^ {2}orders +8$/m);
    expect(stdout).toMatch(/^ {2}rejected by the schema +7$/m);
    expect(stdout).toMatch(/^ {2}✔ completed +1$/m);
    expect(stdout).toContain('1 × customerId: the order is anonymous');
    expect(stdout).toContain('1 × not JSON');
    const namespace = /--namespace (\S+)/.exec(stderr)?.[1];
    const listed = await amends(['list', '--folder', store, '--namespace', namespace!]);
    expect(listed.stdout).toMatch(/^order-1 .*✔ completed/m);
    await rm(store, { recursive: true });
    await rm(orders);
  });

  test('a signal ends it, with a report of what was done and nothing left in the temporary folder', async () => {
    const running = begin(['demo', '--json', '--count', '1000000', '--dashboard', '--dashboard-port', '0'], { env: env('') });
    await eventually(() => expect(running.stderr()).toContain('Dashboard: http://127.0.0.1:'), { timeoutMs: 120_000 });
    const dashboard = /Dashboard: (\S+)/.exec(running.stderr())![1]!;
    expect((await fetch(`${dashboard}/healthz`)).status).toBe(200);
    running.child.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(EXIT.interrupted);
    expect(jsonLines(stdout)[0]).toMatchObject({ stuck: 0, netZero: true });
    expect(await readdir(folder)).toEqual([]);
  });
});

test('reasons that differ only in numbers and ids count as one', () => {
  expect(patternOf('orderId: C536379 is a cancellation')).toBe('orderId: … is a cancellation');
  expect(patternOf('out of stock: there are 1 of 5 85123A, 2 of 8 71053')).toBe('out of stock: there are … of … of …');
  expect(patternOf('orders are not shipped to Norway')).toBe('orders are not shipped to Norway');
});
