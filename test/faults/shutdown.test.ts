import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { begin, SHOP, type Running } from '../cli/command.ts';
import { useBench } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { useErrands } from './processes/errands.ts';

/** A lock that outlives the test: whoever takes over before that was given the job. */
const LIMITS = { lockMs: 60_000, stallCheckMs: 30_000, graceMs: 200 };

describe.each(['redis', 'postgres'] as const)('SIGTERM in the middle of a step on %s', (kind) => {
  const errands = useErrands(kind);

  test('S109 what ends in time is finished, and the rest of the saga is left to others', async () => {
    const first = await errands.hire({ conducts: { work: { kind: 'wait', heeds: true } } }, LIMITS);
    const run = await errands.bench.amends.start(errands.saga(), { errand: 'e' });
    await first.hear('begun', 'work');
    first.signal('SIGTERM');
    first.goOn('work');
    expect(await first.ended()).toBe(0);
    expect(first.heard.map(({ what }) => what)).not.toContain('told to stop');
    expect((await run.view()).steps.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'issued']);
    await errands.work({}, LIMITS);
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    expect(await errands.books.effectsOf(run.id)).toEqual(['prepare', 'work', 'finish']);
  });

  test.each([
    { op: 'work', heeds: true },
    { op: 'work', heeds: false },
    { op: '-prepare', heeds: true },
  ])('S109 what takes too long is told to stop and given up: another worker has it at once ($op, stops: $heeds)', async ({ op, heeds }) => {
    const refuse = op === 'work' ? {} : { work: { kind: 'refuse' } as const };
    const first = await errands.hire({ conducts: { ...refuse, [op]: { kind: 'wait', heeds } } }, { ...LIMITS, drainMs: 300 });
    const run = await errands.bench.amends.start(errands.saga(), { errand: 'e' });
    await first.hear('begun', op);
    const second = await errands.work(refuse, LIMITS);
    first.signal('SIGTERM');
    const toldAt = await first.hear('told to stop', op);
    const takenOver = await eventually(
      () => second.heard.find(({ what, of }) => what === 'begun' && of === op) ?? Promise.reject(new Error('nobody has it')),
    );
    expect(takenOver).toMatchObject({ attempt: 2 });
    expect(takenOver.at).toBeGreaterThan(toldAt);
    expect(takenOver.at - toldAt).toBeLessThan(5_000);
    expect(await first.ended()).toBe(0);
    const forward = op === 'work';
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe(forward ? 'completed' : 'compensated');
    expect(await errands.books.effectsOf(run.id)).toEqual(forward ? ['prepare', 'work', 'finish'] : ['prepare', '-prepare']);
    const lost = (await run.history()).flatMap(({ event }) => (event.type === 'attempt_lost' ? [event.data.step] : []));
    expect(lost).toEqual([op.replace('-', '')]);
  });
});

describe('amends worker', () => {
  const bench = useBench('redis');
  const running: Running[] = [];
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'amends-shutdown-'));
  });
  afterEach(async () => {
    for (const { child, ended } of running.splice(0)) {
      child.kill('SIGKILL');
      await ended;
    }
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function startWorker(...options: readonly string[]): Promise<Running> {
    const { url, namespace } = bench.store;
    const worker = begin(['--url', url, '--namespace', namespace, 'worker', SHOP, ...options]);
    running.push(worker);
    await eventually(() => expect(worker.stderr()).toContain('worker takes jobs'));
    return worker;
  }

  test(
    'S109 a step that outlasts --grace-ms is given up for another worker, and the command ends in time',
    { timeout: 60_000 },
    async () => {
      const { url, namespace } = bench.store;
      const first = await startWorker('--grace-ms', '2000');
      const gate = join(folder, 'gate');
      const start = ['--url', url, '--namespace', namespace, 'start', 'parcel', '--module', SHOP, '--input', '-', '--id-field', 'parcelId'];
      await begin(start, { input: `${JSON.stringify({ parcelId: 'slow', kilos: 1, gate })}\n` }).ended;
      await eventually(() => expect(existsSync(`${gate}.reached`)).toBe(true));
      await startWorker();
      await rm(`${gate}.reached`);
      const told = performance.now();
      first.child.kill('SIGTERM');
      // The second one has it before the lock of the first (6 s, and 3 s until it is missed) could have run out.
      await eventually(() => expect(existsSync(`${gate}.reached`)).toBe(true));
      expect(performance.now() - told).toBeLessThan(5_500);
      expect((await first.ended).code).toBe(0);
      await writeFile(gate, '');
      expect((await bench.amends.get('parcel-slow').outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    },
  );
});
