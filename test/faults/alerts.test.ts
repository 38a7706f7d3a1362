import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS, useStore } from '../support/stores.ts';
import { runCalm } from './alerts/calm.ts';
import { FAULTS } from './alerts/faults.ts';
import { openStage, type Servers, type Stage } from './alerts/stage.ts';

/** Those that take no longer than their rule: steps that hang take their timeouts, which are defaults here too. See `npm run faults:alerts`. */
const SOON = FAULTS.filter(({ name }) => !/hangs|killed in its step/.test(name));

describe.each(STORE_KINDS)('permanent faults and what is told of them, shortened, on %s', (kind) => {
  const store = useStore(kind);
  const stopping = new AbortController();
  let stage: Stage;
  let folder: string;
  let round = 0;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'amends-alerts-'));
    const servers: Servers = {
      store: kind,
      redis: undefined,
      folder,
      place: (namespace) => (kind === 'embedded' ? { url: '', folder: store.url, namespace } : { url: store.url, namespace }),
      close: () => Promise.resolve(),
    };
    stage = await openStage(servers, { namespace: `${store.namespace}_${++round}`, stopping: stopping.signal, quick: true });
  });
  afterEach(async () => {
    await stage.close();
    rmSync(folder, { recursive: true });
  });

  test('I8 each is told', { timeout: 90_000 }, async () => {
    await stage.start('watcher');
    expect(SOON).toHaveLength(7);
    const open = await Promise.all(SOON.map(async ({ name, fire }) => ({ name, ...(await fire(stage)) })));
    await eventually(
      () => {
        const untold = open.filter(({ tells }) => !stage.alerts.alerts.some((alert) => alert.kind === 'raised' && tells(alert)));
        expect(untold.map(({ name }) => name)).toEqual([]);
      },
      { timeoutMs: 60_000 },
    );
  });

  // The others have it in process, in the tests of alerts.
  if (kind !== 'redis') return;
  test('I8 without faults nothing is', { timeout: 150_000 }, async () => {
    const { completed, compensated, problems } = await runCalm(stage, 8_000);
    expect(problems).toEqual([]);
    expect([completed, compensated].every((count) => count > 0)).toBe(true);
  });
});
