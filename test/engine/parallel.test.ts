import { engineOf } from '../../src/amends.ts';
import { StepFailed } from '../../src/errors.ts';
import { saga } from '../../src/flows/saga.ts';
import { operationJob } from '../../src/queues/advance.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, namedStep, OrderInput, useBench, type Behaviour, type Ledger } from './fixture.ts';
import { describe, expect, test } from 'vitest';

function wide(ledger: Ledger, behaviours: Readonly<Record<string, Behaviour>> = {}) {
  const made = <const Name extends string>(name: Name) => namedStep(name, ledger, behaviours[name]);
  return saga({ name: 'wide', version: 1, input: OrderInput })
    .step(made('first'), ({ input }) => input)
    .parallel((all) =>
      all
        .step(made('a'), ({ input }) => input)
        .step(made('b'), ({ input }) => input)
        .step(made('c'), ({ input }) => input),
    )
    .step(made('last'), ({ input, results }) => ({ order: `${input.order}:${results.a.ref}` }));
}

describe.each(STORE_KINDS)('parallel branches on %s', (kind) => {
  const bench = useBench(kind);

  test('all branches run at the same time and the next step sees all results', async () => {
    const gates = [gate(), gate(), gate()] as const;
    let inside = 0;
    const meet = async (): Promise<void> => {
      gates[inside++]?.open();
      await Promise.all(gates.map(({ opened }) => opened)); // only if all three are in work together
    };
    const definition = wide(bench.ledger, { a: { run: meet }, b: { run: meet }, c: { run: meet } });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'p1' });
    expect((await run.result({ timeoutMs: 15_000 })).last).toEqual({ ref: 'last/p1:a/p1' });
    expect(bench.ledger.filter((effect) => effect === 'last')).toHaveLength(1);
  });

  test('S40 S43 one fails while another is in flight: it is aborted, awaited and undone, and its undo never overlaps it', async () => {
    const running = gate();
    let inFlight = false;
    const definition = wide(bench.ledger, {
      a: {
        async run() {
          await running.opened;
          throw new StepFailed('a says no');
        },
      },
      b: {
        async run({ signal }) {
          inFlight = true;
          running.open();
          await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
          inFlight = false; // it notices, and still has its effect: that is then undone
        },
        compensate() {
          bench.ledger.push(inFlight ? 'overlap' : 'apart');
        },
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'p2' });
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'compensated', failedStep: 'a' });
    expect(bench.ledger).not.toContain('overlap');
    expect(bench.ledger.filter((effect) => effect.endsWith('b'))).toEqual(['b', '-b']);
    expect(bench.ledger.at(-1)).toBe('-first');
    expect(bench.ledger).not.toContain('last');
  });

  test('a second job for a branch that is in work decides nothing: the branch is still undone', async () => {
    const [begun, turned, over] = [gate(), gate(), gate()];
    const definition = wide(bench.ledger, {
      a: {
        async run() {
          await begun.opened;
          throw new StepFailed('a says no');
        },
      },
      b: {
        async run({ signal }) {
          begun.open();
          signal.addEventListener('abort', () => turned.open());
          await over.opened;
        },
      },
    });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'p4' }, { id: 'p4' });
    await turned.opened;
    // Nothing of what the first job went through is known to this one: it looks like a step that nobody has tried.
    const { queue, name, message } = operationJob(definition.plan, 'p4', 'b', 'run');
    const second = await engineOf(bench.amends).queues.bullQueue(queue).add(name, message, { jobId: 'run.p4.b.again' });
    await eventually(async () => expect(await second.isCompleted()).toBe(true));
    expect((await run.view()).steps.find((step) => step.name === 'b')).toMatchObject({ status: 'issued' });
    over.open();
    expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'compensated', failedStep: 'a' });
    expect(bench.ledger.filter((effect) => effect.endsWith('b'))).toEqual(['b', '-b']);
    expect((await run.history()).map(({ event }) => event.type)).not.toContain('step_withdrawn');
  });

  test('S41 one fails before the others have begun: those never start', async () => {
    let began = 0;
    const refuse: Behaviour = {
      run() {
        began++;
        throw new StepFailed('no');
      },
    };
    const definition = wide(bench.ledger, { a: refuse, b: refuse, c: refuse });
    // One job at a time: whichever branch is taken first fails while the others wait in the queue.
    await bench.work([definition], { concurrency: 1 });
    const run = await bench.amends.start(definition, { order: 'p3' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect(began).toBe(1);
    expect(bench.ledger).toEqual(['first', '-first']);
    const statuses = (await run.view()).steps.map(({ status }) => status);
    expect(statuses.sort()).toEqual(['compensated', 'failed', 'pending', 'withdrawn', 'withdrawn']);
  });

  test('S42 two fail: one unwind, the first cause leads and both are on record', async () => {
    const both = [gate(), gate()] as const;
    const fail = (mine: number) => async (): Promise<never> => {
      both[mine]?.open();
      await Promise.all(both.map(({ opened }) => opened));
      throw new StepFailed(`branch ${mine} says no`);
    };
    const definition = wide(bench.ledger, { a: { run: fail(0) }, b: { run: fail(1) } });
    await bench.work([definition]);
    const run = await bench.amends.start(definition, { order: 'p4' });
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    const events = (await run.history()).map(({ event }) => event);
    expect(events.filter(({ type }) => type === 'saga_turned')).toHaveLength(1);
    const causes = events.flatMap((event) => (event.type === 'step_failed' ? [event.data.error.message] : []));
    expect(causes.sort()).toEqual(['branch 0 says no', 'branch 1 says no']);
    expect(bench.ledger.filter((effect) => effect === '-first')).toHaveLength(1);
  });

  test('S51 the last branches of many sagas finish together on two workers: each continues exactly once', async () => {
    const definition = wide(bench.ledger);
    await bench.work([definition]);
    await (await bench.other()).worker({ sagas: [definition] }).run();
    const runs = await Promise.all(Array.from({ length: 40 }, (_, i) => bench.amends.start(definition, { order: `j${i}` })));
    for (const run of runs) expect((await run.outcome({ timeoutMs: 25_000 })).status).toBe('completed');
    expect(bench.ledger.filter((effect) => effect === 'last')).toHaveLength(40);
    expect(bench.ledger).toHaveLength(200);
  });
});
