import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';

const script = fileURLToPath(new URL('../../scripts/compiled.mjs', import.meta.url));

/** A slice of what `npm run faults` does: few sagas, and faults that take little time. */
const SLICE = ['--minutes', '0.1', '--transactions', '50', '--lock-ms', '1500', '--json'];
const FAULTS = ['kill-after-commit', 'kill-mid-unwind', 'store-reply-lost', 'duplicate-jobs', 'forged-jobs', 'jobs-lost-two-sweepers'];
const SERVERS = { redis: ['redis-killed'], postgres: ['postgres-killed'] };

describe.each(['redis', 'postgres'] as const)('random faults on %s', (kind) => {
  let child: ChildProcess | undefined;
  let ended: Promise<unknown> | undefined;

  afterEach(async () => {
    child?.kill('SIGTERM'); // it cleans up
    await ended;
  });

  async function faults(args: readonly string[]): Promise<Record<string, unknown>> {
    child = spawn(process.execPath, [script, 'test/faults/run', '--store', kind, '--seed', '20', ...SLICE, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [output, log] = ['', ''];
    child.stdout!.on('data', (text: Buffer) => (output += text.toString()));
    child.stderr!.on('data', (text: Buffer) => (log += text.toString()));
    ended = once(child, 'close');
    const [code] = (await ended) as [number | null];
    expect({ code, log: code === 0 ? '' : log }).toEqual({ code: 0, log: '' });
    return JSON.parse(output.trim().split('\n').at(-1)!) as Record<string, unknown>;
  }

  test('S111 sagas with random faults: all end, each effect once or undone in reverse', { timeout: 120_000 }, async () => {
    const named = [...FAULTS, ...SERVERS[kind]];
    const report = await faults(['--faults', named.join()]);
    expect(report).toMatchObject({ seed: 20, store: kind, transactions: 50, stuck: 0 });
    expect(report).toMatchObject({ lost: 0, doubleEffects: 0, wrongOrder: 0, silentStuck: 0 });
    const { completed, compensated, recoveryP95Ms } = report as { completed: number; compensated: number; recoveryP95Ms: number };
    expect(completed + compensated).toBe(50);
    expect(Math.min(completed, compensated, recoveryP95Ms)).toBeGreaterThan(0);
    const { tccs, confirmed, cancelled } = report as { tccs: number; confirmed: number; cancelled: number };
    expect(confirmed + cancelled).toBe(tccs);
    expect(Math.min(confirmed, cancelled)).toBeGreaterThan(0);
    const fired = Object.values(report['faults'] as Record<string, number>);
    expect(fired.length).toBeGreaterThanOrEqual(named.length - SERVERS[kind].length); // servers that are not ours are not killed
    expect(Math.min(...fired)).toBeGreaterThan(0);
  });

  test('I8 a permanent fault is told within a minute', { timeout: 180_000 }, async () => {
    const report = await faults(['--faults', 'deadly-payload']);
    expect(report).toMatchObject({ lost: 0, silentStuck: 0, unalerted: 0 });
    expect(Number(report['stuck'])).toBeGreaterThan(0);
    expect(Number(report['alerts'])).toBeGreaterThanOrEqual(Number(report['stuck']));
  });

  test('I8 a run without faults tells nobody anything', { timeout: 120_000 }, async () => {
    // With patience as by default: a process that a busy machine holds up has lost nothing.
    expect(await faults(['--faults', 'none', '--lock-ms', '30000'])).toMatchObject({
      transactions: 50,
      lost: 0,
      stuck: 0,
      alerts: 0,
      unalerted: 0,
    });
  });
});
