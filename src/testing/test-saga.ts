import { AmendsError, isAmendsError } from '../errors.ts';
import { asJson, hashOf } from '../flows/json.ts';
import type { AnySaga, Saga } from '../flows/saga.ts';
import { parseWith, type Awaitable } from '../flows/schema.ts';
import type { AnyStep } from '../flows/step.ts';
import { beginning, decision, type Rules } from '../machine/decide.ts';
import { errorData } from '../machine/error-data.ts';
import type { Fact } from '../machine/fact.ts';
import { isTerminal, type State } from '../machine/state.ts';
import { outcomeOf, type SagaOutcome } from '../producers/outcome.ts';

/**
 * What stands for the services: one function per step, from its parsed input to its result; and one per signal, which gives what comes with it,
 * or `undefined` when none comes in time.
 */
export type Stubs<Results> = { readonly [Name in keyof Results]: (input: never) => Awaitable<Results[Name]> };

export interface FailingOptions {
  /** How many attempts fail before one works. Default: all of them. */
  readonly times?: number;
  /** The action has its effect and then fails, as when the answer is lost: the step is counted as run. Default `false`. */
  readonly afterEffect?: boolean;
}

/** A saga that runs in the test's own process, by the engine's own rules, at once: no store, no queue, no waiting in backoff. */
export interface SagaTest<In, Output, Results> {
  /** Runs the saga to its end. */
  run(input: In): Promise<SagaOutcome<Output>>;
  /** The same with a step that throws `error`; a `StepFailed` is definite, anything else is retried and then undone. */
  failing(step: keyof Results & string, error: Error, options?: FailingOptions): SagaTest<In, Output, Results>;
  /** The actions that had an effect in the last run, in order. */
  readonly ran: readonly (keyof Results & string)[];
  /** The steps that were undone in the last run, in order. */
  readonly compensated: readonly (keyof Results & string)[];
}

interface Fault extends FailingOptions {
  readonly error: Error;
}

type Stub = (input: unknown) => unknown;
const WORKER = 'test';
const START_MS = 0;

async function answerOf(contract: AnyStep, stub: Stub | undefined, state: State, fault: Fault | undefined, ran: string[]): Promise<Fact> {
  const { name } = contract;
  const step = state.steps[name]!;
  const facts = { step: name, attempt: step.attemptsEver + 1, worker: WORKER, startedAtMs: START_MS };
  const failing = fault !== undefined && step.attemptsEver < (fault.times ?? Number.POSITIVE_INFINITY);
  try {
    if (failing && fault.afterEffect !== true) throw fault.error;
    if (stub === undefined) throw new AmendsError('INVALID_OPTION', `testSaga: give a stub for step "${name}"`);
    const input: unknown = await parseWith(contract.input, structuredClone(step.args), `the input of step "${name}"`);
    const result: unknown = await parseWith(contract.result, await stub(input), `the result of step "${name}"`);
    ran.push(name);
    if (failing) throw fault.error;
    return { type: 'succeeded', result: asJson(result, `the result of step "${name}"`), ...facts };
  } catch (error) {
    const outcome = isAmendsError(error, 'STEP_FAILED') ? 'definite' : 'unknown';
    const retryable = (error as { retryable?: unknown }).retryable !== false && !isAmendsError(error, 'INVALID_INPUT');
    return { type: 'attempt_failed', op: 'run', error: errorData(error), outcome, retryable, random: 0, nowMs: START_MS, ...facts };
  }
}

/** What ends a wait: time passes at once, and a signal comes if its stub gives one. */
async function endOfWait(saga: AnySaga, name: string, stub: Stub | undefined, untilMs: number | null): Promise<Fact> {
  const contract = saga.signals.find((signal) => signal.name === name);
  if (contract === undefined) return { type: 'wait_due', step: name, nowMs: untilMs ?? START_MS };
  if (stub === undefined) throw new AmendsError('INVALID_OPTION', `testSaga: give a stub for signal "${name}"`);
  const given = await stub(undefined);
  if (given !== undefined) {
    const what = `the data of signal "${name}"`;
    return {
      type: 'signal_sent',
      signal: name,
      data: asJson(await parseWith(contract.data, given, what), what),
      by: WORKER,
    };
  }
  if (untilMs === null)
    throw new AmendsError('INVALID_OPTION', `testSaga: the wait for "${name}" has no timeout, so its stub has to give data`);
  return { type: 'wait_due', step: name, nowMs: untilMs };
}

/** The next operation that is due, the first of a parallel group first. */
function due(state: State): { readonly name: string; readonly op: 'run' | 'compensate' } | undefined {
  for (const [name, { status }] of Object.entries(state.steps)) {
    if (status === 'issued') return { name, op: 'run' };
    if (status === 'compensating') return { name, op: 'compensate' };
  }
  return undefined;
}

/**
 * Tests a saga without a store: its mappers, its order, and what is undone when a step fails.
 *
 * @example
 * const test = testSaga(orderSaga, { create_order: () => ({ orderId: 'o' }), charge_payment: () => ({ chargeId: 'c' }) })
 *   .failing('charge_payment', new StepFailed('card declined'));
 * expect((await test.run(order)).status).toBe('compensated');
 * expect(test.compensated).toEqual(['create_order']);
 */
export function testSaga<In, Output, Results>(saga: Saga<In, Output, Results>, stubs: Stubs<Results>): SagaTest<In, Output, Results> {
  return testOf(saga, stubs as Readonly<Record<string, Stub>>, new Map());
}

function testOf<In, Output, Results>(
  saga: Saga<In, Output, Results>,
  stubs: Readonly<Record<string, Stub>>,
  faults: ReadonlyMap<string, Fault>,
): SagaTest<In, Output, Results> {
  type Name = keyof Results & string;
  let ran: string[] = [];
  let compensated: string[] = [];
  const contracts = new Map(saga.contracts.map((contract) => [contract.name, contract]));
  const rules: Rules = { plan: saga.plan, bindings: saga.bindings };

  const factFor = async (state: State): Promise<Fact> => {
    const next = due(state);
    if (next === undefined) throw new Error(`saga "${saga.name}" has not ended and nothing is due`);
    const wait = next.op === 'run' ? state.steps[next.name]?.wait : undefined;
    if (wait !== undefined) return endOfWait(saga, next.name, stubs[next.name], wait.untilMs);
    if (next.op === 'run') return answerOf(contracts.get(next.name)!, stubs[next.name], state, faults.get(next.name), ran);
    compensated.push(next.name);
    return { type: 'compensated', step: next.name, attempt: 1, worker: WORKER, startedAtMs: START_MS };
  };

  return {
    async run(input) {
      ran = [];
      compensated = [];
      const parsed: unknown = await parseWith(saga.input, input, `the input of saga "${saga.name}"`);
      const json = asJson(parsed, `the input of saga "${saga.name}"`);
      const started = {
        saga: saga.name,
        definitionVersion: saga.version,
        fingerprint: saga.plan.fingerprint,
        input: json,
        inputHash: hashOf(json),
        tags: {},
        deadlineAtMs: null,
      };
      let { state } = beginning(rules, 'test', started);
      while (!isTerminal(state) && state.status !== 'stuck') {
        ({ state } = decision(rules, state, await factFor(state)));
      }
      return outcomeOf<Output>(state, saga.plan)!;
    },
    failing: (step, error, options = {}) => testOf(saga, stubs, new Map([...faults, [step, { error, ...options }]])),
    get ran() {
      return ran as Name[];
    },
    get compensated() {
      return compensated as Name[];
    },
  };
}
