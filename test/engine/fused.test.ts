import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import { AmendsError, StepFailed } from '../../src/errors.ts';
import { implement } from '../../src/flows/implement.ts';
import { saga, type Saga, type SagaBuilder } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { step } from '../../src/flows/step.ts';
import type { JournaledEvent } from '../../src/journal/journal.ts';
import { operationJob, rootJob } from '../../src/queues/advance.ts';
import type { JobState, QueuePort } from '../../src/queues/queue-port.ts';
import { Sweeper } from '../../src/workers/sweeper.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { gate, namedStep, OrderInput, startedOf, useBench, type Behaviour, type Ledger } from './fixture.ts';

type Told = { history(): Promise<readonly JournaledEvent[]> };
type Behaviours = Readonly<Partial<Record<'reserve_stock' | 'charge_card' | 'create_shipment', Behaviour>>>;
type Fixture = Saga<{ order: string }, unknown>;

/** Where the group is carried out: in the root, or, as something comes after it, in a job of its own. */
const PLACES = ['the root', 'a job of its own'] as const;
type JobKind = (typeof PLACES)[number];

interface Form {
  readonly place: JobKind;
  readonly fuse?: boolean;
  readonly deadlineMs?: number;
  /** A step is left out. */
  readonly when?: () => boolean;
}

const ONCE = { attempts: 1 };
const SLOWLY = { attempts: 5, delayMs: 60_000, maxDelayMs: 60_000, jitter: 0 };

/** Plans that are not the same need names that are not. */
function nameOf({ place, fuse = true, when }: Form, behaviours: Behaviours): string {
  const uses = Object.values(behaviours).flatMap(({ use }) => Object.keys(use ?? {}));
  return ['fused', place.replaceAll(' ', '_'), fuse ? 'yes' : 'no', when === undefined ? '' : 'when', ...uses].join('-');
}

/** reserve_stock -> charge_card -> create_shipment, and a rest where they are not to be the last. */
function order(ledger: Ledger, behaviours: Behaviours, form: Form): Fixture {
  const { fuse = true, deadlineMs, when } = form;
  const made = <const Name extends keyof Behaviours>(name: Name) => namedStep(name, ledger, behaviours[name]);
  const timed = deadlineMs === undefined ? {} : { deadlineMs };
  const steps = saga({ name: nameOf(form, behaviours), version: 1, input: OrderInput, fuse, ...timed })
    .step(made('reserve_stock'), ({ input }) => input, behaviours.reserve_stock?.use)
    .step(made('charge_card'), ({ input }) => input, { ...behaviours.charge_card?.use, ...(when === undefined ? {} : { when }) } as never)
    .step(made('create_shipment'), ({ input }) => input, behaviours.create_shipment?.use) as unknown as SagaBuilder<
    { order: string },
    unknown,
    unknown
  >;
  return form.place === 'the root' ? steps : steps.sleep('rest', 1);
}

const typesOf = async (run: Told): Promise<string[]> => (await run.history()).map(({ event }) => event.type);
/** What was attempted, with the number of the attempt, and what came of it. */
const attemptsOf = async (run: Told): Promise<string[]> =>
  (await run.history()).flatMap(({ event: { type, data } }) =>
    'attempt' in data && type !== 'attempt_started' ? [`${type} ${data.step} ${data.attempt}`] : [],
  );

describe.each(STORE_KINDS)('fused steps on %s', (kind) => {
  const bench = useBench(kind);
  const queues = (): QueuePort => engineOf(bench.amends).queues;

  /** The jobs of a transaction that its queues have, by id. */
  const jobsOf = async (id: string, names: readonly string[]): Promise<string[]> => {
    const types = ['waiting', 'active', 'delayed', 'completed', 'failed', 'waiting-children', 'prioritized'] as const;
    const all = await Promise.all(
      names.map((name) =>
        queues()
          .bullQueue(name)
          .getJobs([...types]),
      ),
    );
    return all
      .flat()
      .flatMap((job) => (job.id?.includes(id) === true ? [job.id] : []))
      .sort();
  };
  const endsAs = async (run: { outcome(o: object): Promise<{ status: string }> }, status: string): Promise<void> =>
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe(status);

  describe.each(PLACES)('in %s', (place) => {
    const form: Form = { place };
    const own = place !== 'the root';
    const hostOf = (definition: Fixture, id: string) => operationJob(definition.plan, id, 'reserve_stock', 'run');
    const hostIs = (definition: Fixture, id: string, state: JobState): Promise<void> =>
      eventually(async () => expect(await queues().stateOf(hostOf(definition, id))).toBe(state));
    const rootEnds = (definition: Fixture, id: string): Promise<void> =>
      eventually(async () => expect(await queues().stateOf(rootJob({ id, saga: definition.name }))).toBe('completed'));
    const refuses = (what: string) => () => {
      throw new StepFailed(what);
    };

    /** One whose second step is in work until `charged` is opened. */
    const startCharging = async (behaviours: Behaviours = {}, options: { readonly drainMs?: number } = {}) => {
      const [charging, charged] = [gate(), gate()];
      const definition = order(
        bench.ledger,
        {
          ...behaviours,
          charge_card: {
            ...behaviours.charge_card,
            async run(context) {
              charging.open();
              await charged.opened;
              return behaviours.charge_card?.run?.(context);
            },
          },
        },
        form,
      );
      const worker = bench.amends.worker({ sagas: [definition], lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20, ...options });
      await worker.run();
      const run = await bench.amends.start(definition, { order: 'o' });
      await charging.opened;
      return { definition, run, charged, worker };
    };

    test('all run in one job, and the history is that of steps with a job each', async () => {
      const definition = order(bench.ledger, {}, form);
      const apart = order(bench.ledger, {}, { ...form, fuse: false });
      await bench.work([definition, apart]);
      const runs = await Promise.all([definition, apart].map((one) => bench.amends.start(one, { order: 'o' })));
      for (const run of runs) await endsAs(run, 'completed');
      const [fused, unfused] = runs.map(({ id }) => id);
      await rootEnds(definition, fused!);
      await rootEnds(apart, unfused!);
      const jobs = (id: string): Promise<string[]> =>
        jobsOf(
          id,
          [definition, apart].map(({ name }) => `saga-${name}`),
        );
      const rest = own ? ['rest'] : [];
      const withRoot = (id: string, steps: readonly string[]) => [`root.${id}`, ...steps.map((name) => `run.${id}.${name}`)].sort();
      expect(await jobs(fused!)).toEqual(withRoot(fused!, own ? ['reserve_stock', 'rest'] : []));
      expect(await jobs(unfused!)).toEqual(
        withRoot(unfused!, ['reserve_stock', 'charge_card', ...(own ? ['create_shipment'] : []), ...rest]),
      );
      expect(await typesOf(runs[0]!)).toEqual(await typesOf(runs[1]!));
      expect((await runs[0]!.view()).output).toEqual((await runs[1]!.view()).output);
    });

    test('S02 one fails twice and then works: its attempts are counted, none is lost, and those before it do not run again', async () => {
      const behaviour: Behaviour = {
        run({ attempt }) {
          if (attempt < 3) throw new Error('busy');
        },
      };
      const definition = order(bench.ledger, { reserve_stock: behaviour, charge_card: behaviour, create_shipment: behaviour }, form);
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      await endsAs(run, 'completed');
      const made = (name: string) => [`attempt_failed ${name} 1`, `attempt_failed ${name} 2`, `step_succeeded ${name} 3`];
      expect(await attemptsOf(run)).toEqual(['reserve_stock', 'charge_card', 'create_shipment'].flatMap(made));
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment']);
      await rootEnds(definition, run.id);
    });

    test('S05 one in the middle is refused: what came before is undone, in jobs of their own', async () => {
      const definition = order(bench.ledger, { create_shipment: { run: refuses('no carrier') } }, form);
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      expect(await run.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'compensated', failedStep: 'create_shipment' });
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
      await rootEnds(definition, run.id);
      const undos = ['charge_card', 'reserve_stock'].map((name) => `compensate.${run.id}.${name}`);
      expect(await jobsOf(run.id, [`saga-${definition.name}`])).toEqual(expect.arrayContaining(undos));
      expect(await typesOf(run)).not.toContain('attempt_lost');
    });

    test('S11 the time of one in the middle is up: it alone is tried again, then all is undone', async () => {
      const definition = order(
        bench.ledger,
        { charge_card: { timeoutMs: 60, retry: { attempts: 2 }, run: () => new Promise(() => undefined) } },
        form,
      );
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      await endsAs(run, 'compensated');
      expect(await attemptsOf(run)).toEqual([
        'step_succeeded reserve_stock 1',
        'attempt_failed charge_card 1',
        'step_failed charge_card 2',
        'compensation_succeeded charge_card 1',
        'compensation_succeeded reserve_stock 1',
      ]);
      await rootEnds(definition, run.id);
    });

    test('S70 is cancelled while one in the middle is in work: its result is undone, and none comes after it', async () => {
      const { definition, run, charged } = await startCharging();
      await run.cancel({ reason: 'changed my mind' });
      charged.open();
      await endsAs(run, 'compensated');
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
      await rootEnds(definition, run.id);
    });

    test('S71 is cancelled while one in the middle waits for its next attempt, which is not taken for lost', async () => {
      const failed = gate();
      const definition = order(
        bench.ledger,
        {
          reserve_stock: {
            run({ attempt }) {
              if (attempt === 1) throw new Error('busy');
            },
          },
          charge_card: {
            retry: SLOWLY,
            run() {
              failed.open();
              throw new Error('the bank is busy');
            },
          },
        },
        form,
      );
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      await failed.opened;
      await hostIs(definition, run.id, 'delayed');
      await run.cancel({ reason: 'took too long' });
      await endsAs(run, 'compensated');
      expect(bench.ledger).toEqual(['reserve_stock', '-charge_card', '-reserve_stock']);
      expect(await typesOf(run)).not.toContain('attempt_lost');
      await rootEnds(definition, run.id);
    });

    test('its deadline passes in the middle: no further one begins', async () => {
      const definition = order(
        bench.ledger,
        { charge_card: { run: () => new Promise((resolve) => setTimeout(resolve, 400)) } },
        { ...form, deadlineMs: 200 },
      );
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      await endsAs(run, 'compensated');
      expect(bench.ledger).not.toContain('create_shipment');
      await rootEnds(definition, run.id);
    });

    test('S75 is paused in the middle: the one in work ends, none begins, and it goes on when it is resumed', async () => {
      const { definition, run, charged } = await startCharging();
      await run.pause({ reason: 'stock-taking' });
      charged.open();
      await eventually(async () => expect((await attemptsOf(run)).at(-1)).toBe('step_succeeded charge_card 1'));
      await hostIs(definition, run.id, 'delayed');
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
      await run.resume();
      await endsAs(run, 'completed');
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment']);
      expect(await typesOf(run)).not.toContain('attempt_lost');
      await rootEnds(definition, run.id);
    });

    test('S75 is paused in the middle and then cancelled', async () => {
      const { definition, run, charged } = await startCharging();
      await run.pause({ reason: 'stock-taking' });
      charged.open();
      await eventually(async () => expect((await attemptsOf(run)).at(-1)).toBe('step_succeeded charge_card 1'));
      await run.cancel({ reason: 'changed my mind' });
      await endsAs(run, 'compensated');
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', '-charge_card', '-reserve_stock']);
      await rootEnds(definition, run.id);
    });

    describe('S32 one in the middle is stuck', () => {
      let known = false;
      const stuck = async () => {
        known = false;
        const charge: Behaviour = {
          use: { pivot: true },
          retry: ONCE,
          run() {
            throw new Error('the bank hung up');
          },
          verify: () => (known ? { ref: 'found' } : 'unknown'),
        };
        const definition = order(bench.ledger, { charge_card: charge, create_shipment: { use: { retriable: true } } }, form);
        await bench.work([definition]);
        const run = await bench.amends.start(definition, { order: 'o' });
        expect(await run.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'stuck', failedStep: 'charge_card' });
        await hostIs(definition, run.id, 'failed');
        return { definition, run };
      };

      test('an operator tries it again, and the rest follows', async () => {
        const { definition, run } = await stuck();
        known = true;
        await run.retry({ reason: 'the bank is back', by: 'ann' });
        await eventually(async () => expect((await run.view()).status).toBe('completed'));
        expect(bench.ledger).toEqual(['reserve_stock', 'create_shipment']);
        expect(await typesOf(run)).not.toContain('attempt_lost');
        await rootEnds(definition, run.id);
      });

      test('Retry is pressed on the job in Bull Board', async () => {
        const { definition, run } = await stuck();
        known = true;
        expect(await queues().retry(hostOf(definition, run.id))).toBe(true);
        await eventually(async () => expect((await run.view()).status).toBe('completed'));
        expect(await typesOf(run)).toContain('retry_requested');
        await rootEnds(definition, run.id);
      });

      test('an operator ends it', async () => {
        const { definition, run } = await stuck();
        await run.terminate({ reason: 'settled by telephone', by: 'ann' });
        expect((await run.view()).status).toBe('terminated');
        expect(bench.ledger).toEqual(['reserve_stock']);
        await rootEnds(definition, run.id);
      });
    });

    test('the mapper of one in the middle fails after the pivot: an operator tries it again, and it goes on', async () => {
      let broken = true;
      const made = <const Name extends string>(name: Name, use: Behaviour['use']) => namedStep(name, bench.ledger, { use: use! });
      const steps = saga({ name: `mapped-${own}`, version: 1, input: OrderInput, fuse: true })
        .step(made('charge_card', { pivot: true }), ({ input }) => input, { pivot: true })
        .step(
          made('create_shipment', { retriable: true }),
          ({ input }) => {
            if (broken) throw new Error('no address');
            return input;
          },
          { retriable: true },
        )
        .step(made('send_mail', { retriable: true }), ({ input }) => input, { retriable: true });
      const definition: Fixture = own ? steps.sleep('rest', 1) : steps;
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      expect(await run.outcome({ timeoutMs: 20_000 })).toMatchObject({ status: 'stuck', failedStep: 'create_shipment' });
      broken = false;
      await run.retry({ reason: 'there is one now', by: 'ann' });
      await eventually(async () => expect((await run.view()).status).toBe('completed'));
      expect(bench.ledger).toEqual(['charge_card', 'create_shipment', 'send_mail']);
      expect((await typesOf(run)).filter((type) => type === 'retry_requested')).toHaveLength(1);
      expect(await typesOf(run)).not.toContain('attempt_lost');
      await rootEnds(definition, run.id);
    });

    test('one in the middle is left out, or the first', async () => {
      const definition = order(bench.ledger, {}, { ...form, when: () => false });
      const first = saga({ name: `first-${own}`, version: 1, input: OrderInput, fuse: true })
        .step(namedStep('reserve_stock', bench.ledger), ({ input }) => input, { when: () => false })
        .step(namedStep('charge_card', bench.ledger), ({ input }) => input)
        .sleep('rest', 1);
      await bench.work([definition, first]);
      const run = await bench.amends.start(definition, { order: 'o' });
      await endsAs(run, 'completed');
      expect(bench.ledger).toEqual(['reserve_stock', 'create_shipment']);
      await endsAs(await bench.amends.start(first, { order: 'o' }), 'completed');
      expect(bench.ledger).toEqual(['reserve_stock', 'create_shipment', 'charge_card']);
      await rootEnds(definition, run.id);
    });

    test('I6 its job is lost in the middle: the sweeper puts it back at the step that is due, which may have had an effect', async () => {
      const charging = gate();
      const definition = order(
        bench.ledger,
        {
          charge_card: {
            retry: SLOWLY,
            run({ attempt }) {
              if (attempt > 1) return;
              charging.open();
              throw new Error('the bank is busy');
            },
          },
        },
        form,
      );
      await bench.work([definition], { sweepEveryMs: 600_000 });
      const run = await bench.amends.start(definition, { order: 'o' });
      await charging.opened;
      await hostIs(definition, run.id, 'delayed');
      await queues().discard(rootJob({ id: run.id, saga: definition.name })); // with its children
      expect(await queues().stateOf(hostOf(definition, run.id))).toBe('missing');
      const onError = (): undefined => undefined;
      const options = { sagas: [definition.name], everyMs: 600_000, overdueAfterMs: 0, onError };
      expect(await new Sweeper(engineOf(bench.amends), options).sweep()).toBe(1);
      await endsAs(run, 'completed');
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment']);
      expect(await typesOf(run)).toContain('attempt_lost');
      await rootEnds(definition, run.id);
    });

    test('its job is over although a step is due in it: it is put back at that step, which may have had an effect', async () => {
      const definition = order(bench.ledger, {}, form);
      const run = await bench.amends.start(definition, { order: 'o' });
      const { queue, jobId } = hostOf(definition, run.id);
      const limits = { concurrency: 1, lockMs: 2_000, stallCheckMs: 1_000, onError: () => undefined };
      const careless = await queues().consume(
        queue,
        (delivery) => Promise.resolve(delivery.jobId === jobId ? { kind: 'done', value: null } : { kind: 'postpone', afterMs: 200 }),
        limits,
      );
      await hostIs(definition, run.id, 'completed');
      await careless.close();
      await bench.work([definition], { sweepEveryMs: 200, overdueAfterMs: 100 });
      await endsAs(run, 'completed');
      expect(await attemptsOf(run)).toEqual([
        'attempt_lost reserve_stock 1',
        'step_succeeded reserve_stock 2',
        'step_succeeded charge_card 1',
        'step_succeeded create_shipment 1',
      ]);
      await rootEnds(definition, run.id);
    });

    test('a delivery that ended without a record in the middle is a lost attempt of the step that was due, whatever failed before', async () => {
      const verified: string[] = [];
      const definition = order(
        bench.ledger,
        {
          reserve_stock: {
            run({ attempt }) {
              if (attempt < 3) throw new Error('busy');
            },
          },
          charge_card: {
            retry: { attempts: 3, delayMs: 1_500, maxDelayMs: 1_500, jitter: 0 },
            verify: ({ attempt }) => {
              verified.push(`attempt ${attempt}`);
              return { ref: 'found' };
            },
          },
        },
        form,
      );
      const { transactions } = engineOf(bench.amends);
      // Nothing of its first attempt is written, and the delivery ends with that.
      const record = transactions.record.bind(transactions);
      let lost = 0;
      transactions.record = (rules, from, fact, version) => {
        if (fact.type !== 'succeeded' || fact.step !== 'charge_card' || lost++ > 0) return record(rules, from, fact, version);
        return Promise.reject(new AmendsError('TRANSACTION_NOT_FOUND', 'not to be found just now'));
      };
      await bench.work([definition]);
      const run = await bench.amends.start(definition, { order: 'o' });
      await endsAs(run, 'completed');
      expect(await attemptsOf(run)).toEqual([
        'attempt_failed reserve_stock 1',
        'attempt_failed reserve_stock 2',
        'step_succeeded reserve_stock 3',
        'attempt_lost charge_card 1',
        'step_succeeded charge_card 2',
        'step_succeeded create_shipment 1',
      ]);
      expect(verified).toEqual(['attempt 2']);
      await rootEnds(definition, run.id);
    });

    test('S109 its worker is closed in the middle: the one in work ends, and another worker goes on with the next', async () => {
      const { definition, run, charged, worker } = await startCharging();
      const closed = worker.close();
      charged.open();
      await closed;
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card']);
      await bench.work([definition]);
      await endsAs(run, 'completed');
      expect(bench.ledger).toEqual(['reserve_stock', 'charge_card', 'create_shipment']);
      expect(await typesOf(run)).not.toContain('attempt_lost');
      await rootEnds(definition, run.id);
    });

    test('S109 its worker is closed and gives up the one in the middle: that is tried again elsewhere', async () => {
      const { definition, run, charged, worker } = await startCharging({}, { drainMs: 50 });
      await worker.close();
      charged.open();
      await bench.work([definition]);
      await endsAs(run, 'completed');
      expect(await attemptsOf(run)).toEqual([
        'step_succeeded reserve_stock 1',
        'attempt_lost charge_card 1',
        'step_succeeded charge_card 2',
        'step_succeeded create_shipment 1',
      ]);
      await rootEnds(definition, run.id);
    });

    test('its start was journaled and never enqueued', async () => {
      const definition = order(bench.ledger, {}, form);
      const engine = engineOf(bench.amends);
      await bench.work([definition], { sweepEveryMs: 200, overdueAfterMs: 100 });
      const rules = { plan: definition.plan, bindings: definition.bindings };
      const id = `unsent-${own}`;
      await engine.transactions.start(rules, id, startedOf(definition, { order: 'o' }));
      await eventually(async () => expect((await bench.amends.get(id).view()).status).toBe('completed'), { timeoutMs: 15_000 });
      await rootEnds(definition, id);
    });
  });

  test('groups end where another service begins, at a parallel group and at a wait', async () => {
    const Args = z.object({ order: z.string() });
    const Ref = z.object({ ref: z.string() });
    const contract = <const Name extends string>(name: Name) => step({ name, service: 'stock', input: Args, result: Ref });
    const [count, pick] = [contract('count'), contract('pick')];
    const code = (name: string) => ({
      async run() {
        bench.ledger.push(name);
        return { ref: name };
      },
      async compensate() {
        bench.ledger.push(`-${name}`);
      },
    });
    const approval = signal({ name: 'approval', data: z.object({ by: z.string() }) });
    const made = <const Name extends string>(name: Name) => namedStep(name, bench.ledger);
    const definition = saga({ name: 'mixed', version: 1, input: OrderInput, fuse: true })
      .step(made('a'), ({ input }) => input)
      .step(made('b'), ({ input }) => input)
      .step(count, ({ input }) => input)
      .step(pick, ({ input }) => input)
      .parallel((all) => all.step(made('c'), ({ input }) => input).step(made('d'), ({ input }) => input))
      .step(made('e'), ({ input }) => input)
      .step(made('f'), ({ input }) => input)
      .waitFor(approval)
      .step(made('g'), ({ input }) => input)
      .step(made('h'), ({ input }) => input);
    const implementations = [implement(count, code('count')), implement(pick, code('pick'))];
    await bench.amends.worker({ sagas: [definition], implementations, lockMs: 2_000, stallCheckMs: 1_000 }).run();
    const run = await bench.amends.start(definition, { order: 'o' });
    await run.signal(approval, { by: 'ann' });
    await endsAs(run, 'completed');
    expect([...bench.ledger].sort()).toEqual(['a', 'b', 'c', 'count', 'd', 'e', 'f', 'g', 'h', 'pick']);
    await eventually(async () => expect(await queues().stateOf(rootJob({ id: run.id, saga: 'mixed' }))).toBe('completed'));
    const named = ['a', 'c', 'count', 'd', 'e'].map((name) => `run.${run.id}.${name}`);
    const jobs = await jobsOf(run.id, ['saga-mixed', 'service-stock']);
    expect(jobs.filter((jobId) => !jobId.endsWith('.approval'))).toEqual([`root.${run.id}`, ...named]);
  });

  test('S90 two versions, one fused and one not, run side by side', async () => {
    const of = (version: number, fuse: boolean) =>
      saga({ name: 'both', version, input: OrderInput, fuse })
        .step(namedStep('a', bench.ledger), ({ input }) => input)
        .step(namedStep('b', bench.ledger), ({ input }) => input)
        .step(namedStep('c', bench.ledger), ({ input }) => input);
    const versions = [of(1, false), of(2, true)];
    await bench.work(versions);
    const runs = await Promise.all(versions.map((one) => bench.amends.start(one, { order: 'o' })));
    for (const run of runs) await endsAs(run, 'completed');
    for (const { id } of runs)
      await eventually(async () => expect(await queues().stateOf(rootJob({ id, saga: 'both' }))).toBe('completed'));
    const jobs = await Promise.all(runs.map(({ id }) => jobsOf(id, ['saga-both'])));
    expect(jobs.map(({ length }) => length)).toEqual([3, 1]);
  });
});
