import { pino } from 'pino';
import * as z from 'zod';
import {
  connect,
  saga,
  step,
  StepFailed,
  type Amends,
  type AmendsWorker,
  type ConnectOptions,
  type Saga,
  type SagaRun,
  type Tcc,
  type TccRun,
} from 'amends';
import { payloadOf, Refused, Steps, type Contender, type Counted, type Scenario } from './scenario.ts';

const Payload = z.object({ number: z.number(), text: z.string() });
type Input = z.input<typeof Payload>;

type Definition = Saga<Input, unknown> | Tcc<Input, unknown>;

function sagaOf({ steps, parallel, fuse = false }: Scenario, counted: Steps): Saga<Input, unknown> {
  const made = (number: number) =>
    step({
      name: `step_${number}`,
      input: Payload,
      result: z.object({ step: z.number() }),
      run() {
        try {
          return counted.run(number);
        } catch (error) {
          throw error instanceof Refused ? new StepFailed(error.message) : error;
        }
      },
      compensate: () => counted.undo(),
    });
  // As many steps as asked for: the types can't follow.
  interface Builder {
    step(contract: unknown, input: ({ input }: { input: Input }) => Input): Builder;
    parallel(build: (all: Builder) => Builder): Builder;
  }
  let builder = saga({ name: 'bench', version: 1, input: Payload, fuse }) as unknown as Builder;
  for (let number = 1; number <= steps; number += parallel ? 2 : 1) {
    const from = ({ input }: { input: Input }): Input => input;
    builder =
      parallel && number < steps
        ? builder.parallel((all) => all.step(made(number), from).step(made(number + 1), from))
        : builder.step(made(number), from);
  }
  return builder as unknown as Saga<Input, unknown>;
}

/** The same transaction on Amends, with its defaults. */
export class AmendsContender implements Contender {
  readonly #scenario: Scenario;
  readonly #steps: Steps;
  readonly #saga: Definition;
  readonly #amends: Amends;
  #outcomes: Promise<{ readonly status: string }>[] = [];
  #worker: AmendsWorker | undefined;

  private constructor(scenario: Scenario, amends: Amends, define: (scenario: Scenario, counted: Steps) => Definition) {
    this.#scenario = scenario;
    this.#steps = new Steps(scenario);
    this.#saga = define(scenario, this.#steps);
    this.#amends = amends;
  }

  static async open(
    scenario: Scenario,
    define: (scenario: Scenario, counted: Steps) => Definition = sagaOf,
    observed: ConnectOptions = {},
  ): Promise<AmendsContender> {
    const logger = pino({ level: 'fatal' });
    const place = scenario.store === 'embedded' ? { url: '', folder: scenario.url } : { url: scenario.url };
    const { url, ...folder } = place;
    const { shards } = scenario;
    const options = { namespace: 'bench', logger, ...observed, ...(shards === undefined ? {} : { shards }) };
    return new AmendsContender(scenario, await connect(url, { ...options, ...folder }), define);
  }

  async work(): Promise<void> {
    this.#worker = this.#amends.worker({ sagas: [this.#saga], concurrency: this.#scenario.concurrency });
    await this.#worker.run();
  }

  get counted(): Counted {
    return this.#steps.counted;
  }

  fail(failing: boolean): void {
    this.#steps.failing = failing;
  }

  async start(number: number): Promise<void> {
    const run = await this.#start(number);
    const outcome = run.outcome();
    outcome.catch(() => undefined); // where only starts are measured nobody waits for it
    this.#outcomes.push(outcome);
  }

  async ended(): Promise<void> {
    const done = this.#saga.kind === 'tcc' ? 'confirmed' : 'completed';
    const wanted = this.#steps.failing ? 'compensated' : done;
    const outcomes = this.#outcomes;
    this.#outcomes = [];
    for (const { status } of await Promise.all(outcomes)) {
      if (status !== wanted) throw new Error(`a saga ended as ${status}`);
    }
  }

  async run(number: number): Promise<void> {
    const run = await this.#start(number);
    await run.outcome();
  }

  #start(number: number): Promise<SagaRun<unknown> | TccRun<unknown>> {
    const payload = payloadOf(this.#scenario, number);
    return this.#saga.kind === 'tcc' ? this.#amends.start(this.#saga, payload) : this.#amends.start(this.#saga, payload);
  }

  async close(): Promise<void> {
    await this.#worker?.close();
    await this.#amends.close();
  }
}
