import { existsSync } from 'node:fs';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { EXIT } from '../../src/cli/exit-codes.ts';
import { eventually } from '../support/eventually.ts';
import { useStore } from '../support/stores.ts';
import { amends, begin, jsonLines, SHOP, type Running } from './command.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'amends-cli-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const running = new Set<Running>();
afterEach(async () => {
  for (const { child } of running) child.kill('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});

/** A worker process on the module; resolves when it takes jobs. */
async function startWorker(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Running> {
  const worker = begin(['worker', SHOP, ...args], { env });
  running.add(worker);
  await eventually(() => expect(worker.stderr()).toContain('worker takes jobs'), { timeoutMs: 60_000 });
  return worker;
}

function parcels(...inputs: readonly unknown[]): string {
  return inputs.map((input) => (typeof input === 'string' ? input : JSON.stringify(input))).join('\n');
}

interface Row {
  readonly id: string;
  readonly status: string;
}

describe('a worker and commands, each a process, on Redis', { timeout: 90_000 }, () => {
  const store = useStore('redis');
  const at = (...args: string[]): string[] => [...args, '--url', store.url, '--namespace', store.namespace];
  const start = (...args: string[]): string[] => at('start', 'parcel', '--module', SHOP, '--input', '-', '--id-field', 'parcelId', ...args);

  test('start streams lines and waits; bad ones are told by their number; again it is harmless; list and show find them', async () => {
    await startWorker(at());
    const input = parcels(
      { parcelId: 'a', kilos: 1, to: 'York' },
      'not json',
      '',
      { parcelId: 'b', kilos: 11, to: 'York' },
      { parcelId: 'c' },
      { kilos: 3 },
    );
    const first = await amends(start('--wait', '--tag-field', 'to'), { input });
    expect(first.code).toBe(EXIT.failed);
    expect(first.stdout).toMatch(/^2 started, 3 rejected, 1 completed, 1 compensated, 0 stuck, in /);
    expect(first.stderr).toContain('standard input line 2: not JSON');
    expect(first.stderr).toContain('standard input line 5: the input of saga "parcel" does not fit its schema: kilos');
    expect(first.stderr).toContain('standard input line 6: its field parcelId');

    const again = await amends(start('--wait', '--json', '--tag-field', 'to'), { input });
    expect(again.code).toBe(EXIT.failed);
    const lines = jsonLines(again.stdout);
    expect(lines.at(-1)).toMatchObject({ store: 'redis', started: 2, rejected: 3, completed: 1, compensated: 1, stuck: 0 });
    expect(lines.filter(({ line }) => line === 1 || line === 4).sort((a, b) => Number(a['line']) - Number(b['line']))).toEqual([
      { line: 1, status: 'completed', id: 'parcel-a' },
      { line: 4, status: 'compensated', id: 'parcel-b', error: '11 kg is too heavy' },
    ]);
    expect(lines.filter(({ status }) => status === 'rejected').map(({ code }) => code)).toEqual(Array(3).fill('INVALID_INPUT'));

    const listed = await amends(at('list', '--tag', 'to=York', '--status', 'compensated', '--json'));
    expect(jsonLines<Row>(listed.stdout).map(({ id }) => id)).toEqual(['parcel-b']);
    const page = await amends(at('list', '--limit', '1'));
    const cursor = /--cursor (\S+)/.exec(page.stdout)?.[1];
    const next = await amends(at('list', '--limit', '1', '--cursor', cursor!));
    expect(new Set([page, next].map(({ stdout }) => /parcel-[ab]/.exec(stdout)?.[0]))).toEqual(new Set(['parcel-a', 'parcel-b']));

    const shown = await amends(at('show', 'parcel-b'));
    expect(shown).toMatchObject({ code: EXIT.ok, stderr: '' });
    expect(shown.stdout).toContain('✖ send  failed, it had no effect (attempt 1');
    expect(shown.stdout).toContain('│ ↩ compensated: nothing is left behind');
    const json = jsonLines<{ status: string; history: unknown[] }>((await amends(at('show', 'parcel-b', '--json'))).stdout);
    expect(json).toHaveLength(1);
    expect(json[0]).toMatchObject({ status: 'compensated' });
    expect(await amends(at('show', 'parcel-x'))).toMatchObject({ code: EXIT.usage, stdout: '' });
  });

  test('another input under an id that is taken is refused, and the first run stays', async () => {
    await amends(start(), { input: parcels({ parcelId: 'taken', kilos: 1 }) });
    const second = await amends(start('--json'), { input: parcels({ parcelId: 'taken', kilos: 2 }) });
    expect(second.code).toBe(EXIT.usage);
    expect(jsonLines(second.stdout)[0]).toMatchObject({ line: 1, status: 'rejected', code: 'TRANSACTION_CONFLICT' });
  });

  test('a stuck saga: start exits with 1, show says what to run, and after the mending retry undoes it', async () => {
    const jam = join(folder, 'jam');
    await writeFile(jam, '');
    await startWorker(at(), { SHOP_JAM: jam });
    const started = await amends(start('--wait'), { input: parcels({ parcelId: 'jammed', kilos: 99 }) });
    expect(started).toMatchObject({ code: EXIT.failed, stdout: expect.stringContaining('1 stuck') as string });
    expect(started.stderr).toContain('parcel-jammed is stuck: the unpacking machine is jammed');

    const shown = await amends(at('show', 'parcel-jammed'));
    expect(shown.stdout).toContain('Not undone: pack');
    expect(shown.stdout).toContain(`amends retry parcel-jammed --namespace ${store.namespace}`);

    await unlink(jam);
    const retried = await amends(at('retry', 'parcel-jammed', '--reason', 'machine cleared'));
    expect(retried).toMatchObject({ code: EXIT.ok, stderr: '' });
    await eventually(async () => {
      const { stdout } = await amends(at('show', 'parcel-jammed'));
      expect(stdout).toContain('status       ↩ compensated');
      expect(stdout).toContain('machine cleared');
    });
    expect(await amends(at('retry', 'parcel-jammed'))).toMatchObject({ code: EXIT.usage, stdout: '' });
  });

  test('a stuck undo is given up with a reason, and show says what stays', async () => {
    const jam = join(folder, 'jam for good');
    await writeFile(jam, '');
    await startWorker(at(), { SHOP_JAM: jam });
    await amends(start('--wait'), { input: parcels({ parcelId: 'lost', kilos: 99 }) });
    expect(await amends(at('skip', 'parcel-lost', 'pack'))).toMatchObject({ code: EXIT.usage, stdout: '' });
    expect(await amends(at('skip', 'parcel-lost', 'pack', '--reason', 'thrown away'))).toMatchObject({ code: EXIT.ok });
    const { stdout } = await amends(at('show', 'parcel-lost'));
    expect(stdout).toContain('status       ■ terminated');
    expect(stdout).toContain('thrown away');
    expect(stdout).toContain('Not undone: pack');
    expect(await amends(at('terminate', 'parcel-lost', '--reason', 'again'))).toMatchObject({ code: EXIT.usage, stdout: '' });
  });

  test('cancel --wait undoes a saga that is in work', async () => {
    await startWorker(at());
    const gate = join(folder, 'cancel-gate');
    await amends(start(), { input: parcels({ parcelId: 'cancelled', kilos: 1, gate }) });
    await eventually(() => expect(existsSync(`${gate}.reached`)).toBe(true));
    const cancelled = await amends(at('cancel', 'parcel-cancelled', '--wait', '--reason', 'changed my mind'));
    expect(cancelled).toMatchObject({ code: EXIT.ok, stdout: 'parcel-cancelled is undone: nothing is left behind.\n' });
    const { stdout } = await amends(at('show', 'parcel-cancelled'));
    expect(stdout).toMatch(/cancelled by .*: changed my mind/);
  });

  test('a worker that is told to stop finishes the step it has in work', async () => {
    const worker = await startWorker(at());
    const gate = join(folder, 'drain-gate');
    await amends(start(), { input: parcels({ parcelId: 'drained', kilos: 1, gate }) });
    await eventually(() => expect(existsSync(`${gate}.reached`)).toBe(true));
    worker.child.kill('SIGTERM');
    await eventually(() => expect(worker.stderr()).toContain('finishing what is in work'));
    expect(worker.child.exitCode).toBeNull();
    await writeFile(gate, '');
    expect((await worker.ended).code).toBe(EXIT.ok);
    const { stdout } = await amends(at('show', 'parcel-drained'));
    expect(stdout).toMatch(/✔ pack +succeeded \(attempt 1,/);
  });

  test('a second signal ends a worker at once', async () => {
    const worker = await startWorker(at());
    const gate = join(folder, 'impatient-gate');
    await amends(start(), { input: parcels({ parcelId: 'impatient', kilos: 1, gate }) });
    await eventually(() => expect(existsSync(`${gate}.reached`)).toBe(true));
    worker.child.kill('SIGTERM');
    await eventually(() => expect(worker.stderr()).toContain('finishing what is in work'));
    worker.child.kill('SIGINT');
    expect((await worker.ended).code).toBe(EXIT.interrupted);
  });

  test('signal sends what a saga waits for, checked by its schema, and once', async () => {
    await startWorker(at());
    const of = ['start', 'fragile', '--module', SHOP, '--input', '-', '--id-field', 'parcelId'];
    await amends(at(...of), { input: parcels({ parcelId: 'vase', kilos: 1 }) });
    await eventually(async () => expect((await amends(at('show', 'fragile-vase'))).stdout).toMatch(/inspection +waits/));
    const signal = (data: string, name = 'inspection') => amends(at('signal', 'fragile-vase', name, '--module', SHOP, '--data', data));
    expect(await signal('{')).toMatchObject({ code: EXIT.usage, stdout: '' });
    expect((await signal('{"inspector":7}')).stderr).toContain('inspector: ');
    expect((await signal('{}', 'delivery')).stderr).toContain('has no signal "delivery": it waits for "inspection"');
    expect(await signal('{"inspector":"ann"}')).toMatchObject({ code: EXIT.ok, stderr: '' });
    expect((await signal('{"inspector":"ann"}')).stdout).toMatch(/had signal inspection before/);
    await eventually(async () => expect((await amends(at('show', 'fragile-vase'))).stdout).toMatch(/completed/));
    const { stdout } = await amends(at('show', 'fragile-vase'));
    expect(stdout).toMatch(/inspection +signal received from \S+@\S+/);
    expect(await signal('{"inspector":"bob"}')).toMatchObject({ code: EXIT.usage });

    // Without the module its data is not checked, and there is a reason.
    await amends(at(...of), { input: parcels({ parcelId: 'bowl', kilos: 1 }) });
    await eventually(async () => expect((await amends(at('show', 'fragile-bowl'))).stdout).toMatch(/inspection +waits/));
    const plain = (...more: string[]) => amends(at('signal', 'fragile-bowl', 'inspection', '--data', '{"inspector":"eve"}', ...more));
    expect((await plain('--dry-run')).stdout).toContain('sends signal inspection');
    expect(await plain('--reason', 'she called')).toMatchObject({ code: EXIT.ok, stderr: '' });
    expect((await plain()).stdout).toMatch(/had signal inspection before/);
    await eventually(async () => expect((await amends(at('show', 'fragile-bowl'))).stdout).toMatch(/completed/));
    expect((await amends(at('show', 'fragile-bowl', '--json'))).stdout).toContain('she called');
    expect((await amends(at('signal', 'fragile-bowl', 'delivery'))).code).toBe(EXIT.usage);
  });

  test('start that is interrupted while it waits tells how far it came', async () => {
    const starting = begin(start('--wait', '--json'), { input: parcels({ parcelId: 'never', kilos: 1 }) });
    running.add(starting);
    await eventually(async () => {
      const { stdout } = await amends(at('list', '--json'));
      expect(jsonLines<Row>(stdout).map(({ id }) => id)).toContain('parcel-never');
    });
    starting.child.kill('SIGINT');
    const { code, stdout } = await starting.ended;
    expect(code).toBe(EXIT.interrupted);
    expect(jsonLines(stdout).at(-1)).toMatchObject({ started: 1, open: 1 });
  });
});

describe('the embedded store, one process after the other', { timeout: 90_000 }, () => {
  test('start --wait runs the steps itself; others look afterwards, and are told while it is in use', async () => {
    const at = ['--folder', join(folder, 'embedded')];
    const start = ['start', 'parcel', '--module', SHOP, '--input', '-', '--id-field', 'parcelId', ...at];
    const input = parcels({ parcelId: 'a', kilos: 1 }, { parcelId: 'b', kilos: 11 });
    const started = await amends([...start, '--wait', '--json'], { input });
    expect(jsonLines(started.stdout).at(-1)).toMatchObject({ store: 'embedded', completed: 1, compensated: 1 });
    expect(started.code).toBe(EXIT.failed);
    const listed = await amends(['list', ...at]);
    expect(listed).toMatchObject({ code: EXIT.ok, stderr: '' });
    expect(listed.stdout).toMatch(/^parcel-b .*↩ compensated/m);
    expect(await amends(['cancel', 'parcel-a', '--wait', ...at])).toMatchObject({ code: EXIT.usage, stdout: '' });

    const worker = await startWorker(at);
    const locked = await amends(['show', 'parcel-a', ...at]);
    expect(locked).toMatchObject({ code: EXIT.store, stdout: '' });
    expect(locked.stderr).toMatch(/^amends: .* is held by process \d+ .*AMENDS_URL=redis/);
    worker.child.kill('SIGTERM');
    expect((await worker.ended).code).toBe(EXIT.ok);
    expect((await amends(['show', 'parcel-a', ...at])).stdout).toContain('✔ completed');
  });
});
