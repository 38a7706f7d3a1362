import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { amends, begin, jsonLines, SHOP } from './command.ts';

const store = useStore('redis');
const of = () => ['--url', store.url, '--namespace', store.namespace];

test('a worker with --port tells that it is live, ready and what it measures, until it is stopped', async () => {
  const worker = begin(['worker', SHOP, '--port', '0', ...of()]);
  try {
    const url = await eventually(
      () => {
        const found = jsonLines<{ url?: string }>(worker.stderr()).find((line) => line.url !== undefined);
        expect(found).toBeDefined();
        return found!.url!;
      },
      { timeoutMs: 25_000 },
    );
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await eventually(async () => expect(await (await fetch(`${url}/readyz`)).json()).toEqual({ status: 'ready', reasons: [] }));
    const metrics = await (await fetch(`${url}/metrics`)).text();
    expect(metrics).toMatch(/^# (?:HELP|TYPE|no registered)/m);
  } finally {
    worker.child.kill('SIGTERM');
  }
  expect((await worker.ended).code).toBe(0);
});

test('off loopback it does not start while nobody has said who may look', async () => {
  const { code, stderr } = await amends(['worker', SHOP, '--port', '0', '--host', '0.0.0.0', ...of()]);
  expect(code).not.toBe(0);
  expect(stderr).toContain('AMENDS_DASHBOARD_TOKEN');
});
