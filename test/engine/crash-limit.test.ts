import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { saga } from '../../src/flows/saga.ts';
import { namedStep, OrderInput, useBench } from './fixture.ts';

const script = fileURLToPath(new URL('./deadly-worker.mjs', import.meta.url));

describe.each(['redis', 'postgres'] as const)('crash limit on %s', (kind) => {
  const bench = useBench(kind);
  let child: ChildProcess | undefined;
  let over = false;
  let deaths = 0;

  function keepAlive(...of: readonly string[]): void {
    child = spawn(process.execPath, [script, bench.store.url, bench.store.namespace, ...of], { stdio: 'ignore' });
    child.on('exit', () => {
      deaths++;
      if (!over) keepAlive(...of);
    });
  }
  afterEach(async () => {
    over = true;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  });

  const TITLE = 'S108 a step that kills its worker each time is stuck after 5 losses, and the others go on';
  test.each([
    ['a job each', 'deadly'],
    ['fused', 'deadly_fused'],
  ])(`${TITLE}: %s`, { timeout: 60_000 }, async (form, name) => {
    [over, deaths] = [false, 0];
    // The plan of the worker's saga; its code is never run here.
    const deadly = saga({ name, version: 1, input: OrderInput, fuse: form === 'fused' })
      .step(namedStep('prepare', bench.ledger), ({ input }) => input)
      .step(namedStep('explode', bench.ledger), ({ input }) => input);
    keepAlive(name, form);
    const bomb = await bench.amends.start(deadly, { order: 'bomb' });
    const others = await Promise.all(Array.from({ length: 10 }, (_, i) => bench.amends.start(deadly, { order: `o${i}` })));
    const outcome = await bomb.outcome({ timeoutMs: 45_000 });
    expect(outcome).toMatchObject({ status: 'stuck', failedStep: 'explode', reason: { name: 'WorkerLost' } });
    expect(deaths).toBe(5);
    for (const run of others) expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');

    // A person may give it up: what may have happened is undone with the rest.
    expect(await bomb.cancel({ reason: 'bad order' })).toBe(true);
    expect((await bomb.outcome({ timeoutMs: 20_000 })).status).toBe('compensated');
    const undone = (await bomb.history()).flatMap(({ event }) => (event.type === 'compensation_succeeded' ? [event.data.step] : []));
    expect(undone).toEqual(['explode', 'prepare']);
  });
});
