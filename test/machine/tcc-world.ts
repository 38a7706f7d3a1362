import { deepEqual, equal, ok } from 'node:assert/strict';
import * as z from 'zod';
import { isAmendsError } from '../../src/errors.ts';
import { tcc, type AnyTcc, type TccBuilder } from '../../src/flows/tcc.ts';
import { begin, decide, type Rules } from '../../src/machine/decide.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';
import { evolveAll } from '../../src/machine/evolve.ts';
import type { Fact } from '../../src/machine/fact.ts';
import { DUE, isHeld, isTerminal, operationIn, stepState, STUCK, type Operation, type State } from '../../src/machine/state.ts';
import { plainResource } from '../support/tccs.ts';

const ERROR = { name: 'Error', message: 'broke' };
const FACTS = { worker: 'w', startedAtMs: 0 };
type Builder = TccBuilder<unknown, unknown, Record<string, unknown>>;

/** What one participant has done, behind a barrier as ours is: it lets no try through once it has cancelled. */
interface Participant {
  held: boolean;
  confirmed: boolean;
  cancelled: boolean;
}

interface Job {
  readonly step: string;
  readonly op: Operation;
  /** Its attempt while a worker has it; 0: it waits. */
  attempt: number;
}

function tccOf(shape: readonly number[]): AnyTcc {
  let builder = tcc({ name: 'generated', version: 1, input: z.unknown(), deadlineMs: 1_000, marginMs: 10 }) as unknown as Builder;
  shape.forEach((width, row) => {
    builder = builder.parallel((all) => {
      let group = all as unknown as { reserve(resource: unknown, input: () => unknown): typeof group };
      for (let column = 0; column < width; column++)
        group = group.reserve(plainResource(`r${row}${column}`, column === 0), () => ({ row, column }));
      return group as never;
    });
  });
  return builder;
}

/** One TCC on the pure machine with queue, workers that are lost, participants and an operator, all drawn at random. */
export class TccWorld {
  readonly journal: TransactionEvent[];
  state: State;
  readonly #tcc: AnyTcc;
  readonly #participants = new Map<string, Participant>();
  #jobs: Job[] = [];
  readonly #zombies: Job[] = [];
  #told: Fact[] = [];
  #nowMs = 0;

  constructor(shape: readonly number[], deadlineMs: number | null, awaitsVerdict: boolean) {
    this.#tcc = tccOf(shape);
    const { name, version, fingerprint } = this.#tcc.plan;
    const started = {
      saga: name,
      definitionVersion: version,
      fingerprint,
      input: null,
      inputHash: 'h',
      tags: {},
      deadlineAtMs: deadlineMs,
    };
    this.journal = [...begin(this.#rules(true), 't-1', { ...started, kind: 'tcc', ...(awaitsVerdict ? { awaitsVerdict } : {}) })];
    this.state = evolveAll(undefined, 't-1', this.journal)!;
    for (const step of Object.keys(this.#tcc.plan.steps)) this.#participants.set(step, { held: false, confirmed: false, cancelled: false });
    this.#deliver();
  }

  /** One thing happens, or two on the same state; which, is drawn. Half of the time it is a good thing. */
  play(drawn: number): void {
    this.#nowMs += (drawn >>> 10) % 8;
    const good = (drawn >>> 13) % 2 === 0 ? this.#jobs.map((job) => () => this.#progress(job)) : [];
    const moves = good.length > 0 ? good : this.#moves(drawn);
    const seen = this.state;
    const facts = [moves[drawn % moves.length]!()];
    if ((drawn >>> 14) % 4 === 3) facts.push(moves[(drawn >>> 7) % moves.length]!());
    for (const fact of facts) if (fact !== undefined) this.#tell(fact, (drawn >>> 16) % 4 > 0, seen);
  }

  /** From now on all goes well. */
  settle(): void {
    for (let moves = 0; !isTerminal(this.state); moves++) {
      ok(moves < 200, `it ends when all goes well: ${JSON.stringify(this.state)}`);
      const job = this.#jobs[0];
      const stuck = Object.values(this.state.steps).some(({ status }) => operationIn(status, STUCK) !== undefined);
      if (this.state.paused !== undefined) this.#tell({ type: 'resume_requested', by: 'ann' }, true);
      else if (job !== undefined) this.#tell(this.#progress(job), true);
      else if (stuck) this.#tell({ type: 'retry_requested', by: 'ann' }, true);
      else if (isHeld(this.state)) this.#tell({ type: 'confirm_requested' }, true);
      else this.#tell({ type: 'nudged' }, true);
    }
  }

  expectGoodEnd(): void {
    const { status, verdict, direction, termination } = this.state;
    const at = (type: TransactionEvent['type']): number => this.journal.findIndex((event) => event.type === type);
    const count = (type: TransactionEvent['type']): number => this.journal.filter((event) => event.type === type).length;
    ok(count('verdict_reached') + count('saga_turned') <= 1, 'one verdict');
    ok(at('confirm_issued') < 0 || (at('verdict_reached') >= 0 && at('verdict_reached') < at('confirm_issued')), 'verdict before confirm');
    ok(at('compensation_issued') < 0 || at('saga_turned') < at('compensation_issued'), 'verdict before cancel');
    ok(count('confirm_issued') === 0 || count('compensation_issued') === 0, 'never both');
    for (const [step, { held, confirmed, cancelled }] of this.#participants) {
      ok(!(confirmed && cancelled), `${step} is both confirmed and cancelled`);
      if (stepState(this.state, step) === undefined) ok(!held && !confirmed && !cancelled, `${step} was touched unasked`);
      else if (status === 'confirmed') ok(confirmed, `${step} is confirmed`);
      else if (status === 'cancelled') ok(cancelled && !held, `${step} is cancelled and holds nothing`);
      else ok(!held || confirmed || termination!.notCompensated.includes(step), `${step} is held and not on the list`);
    }
    const all = [...this.#participants.values()];
    ok(!(all.some(({ confirmed }) => confirmed) && all.some(({ cancelled }) => cancelled)), 'neverBothConfirmedAndCancelled');
    if (status === 'confirmed') equal(verdict, 'confirm');
    if (status === 'cancelled') equal(direction, 'backward');
    const folded = evolveAll(undefined, 't-1', JSON.parse(JSON.stringify(this.journal)) as TransactionEvent[]);
    deepEqual(JSON.parse(JSON.stringify(folded)), JSON.parse(JSON.stringify(this.state)), 'the events fold to the state');
  }

  #rules(hasDefinition: boolean): Rules {
    const { plan, bindings } = this.#tcc;
    return { plan, nowMs: this.#nowMs, ...(hasDefinition ? { bindings } : {}) };
  }

  #moves(drawn: number): readonly (() => Fact | undefined)[] {
    const rare = drawn % 16 === 0;
    const stuck = Object.entries(this.state.steps).filter(([, { status }]) => operationIn(status, STUCK) !== undefined);
    return [
      ...this.#jobs.flatMap((job) => this.#movesOf(job)),
      ...this.#zombies.map((zombie) => () => this.#answer(zombie, zombie.attempt)),
      ...this.#told.slice(-4).map((fact) => () => fact),
      // What turns it back must be rare, or few would get to a verdict.
      ...(drawn % 3 === 0 ? [() => ({ type: 'cancel_requested', reason: 'why not', by: 'ann' }) as const] : []),
      () => ({ type: 'deadline_passed', nowMs: this.#nowMs }),
      () => ({ type: 'retry_requested', by: 'ann' }),
      ...stuck.map(
        ([step]) =>
          () =>
            ({ type: 'retry_requested', step, by: 'ann' }) as const,
      ),
      () => ({ type: 'pause_requested', by: 'ann' }),
      () => ({ type: 'resume_requested', by: 'ann' }),
      () => ({ type: 'nudged' }),
      () => ({ type: 'confirm_requested' }),
      ...this.#renewals(rare),
      ...[...stuck, ...stuck, ...stuck].map(
        ([step]) =>
          () =>
            ({ type: 'skip_requested', step, by: 'ann', reason: 'enough' }) as const,
      ),
      ...(rare ? [() => ({ type: 'terminate_requested', by: 'ann', reason: 'enough' }) as const] : []),
    ];
  }

  /** A hold is prolonged, or can't be, at any time: the world does not know whether there is one. */
  #renewals(rare: boolean): readonly (() => Fact)[] {
    return Object.keys(this.#tcc.plan.steps).flatMap((step) => [
      () => ({ type: 'renewed', step, expiresAtMs: this.#nowMs + 60_000 }) as const,
      ...(rare ? [() => ({ type: 'renewal_failed', step, error: ERROR }) as const] : []),
    ]);
  }

  #movesOf(job: Job): readonly (() => Fact | undefined)[] {
    const { step, op } = job;
    if (job.attempt === 0) {
      const withdraw = (): Fact => ({ type: 'withdrawn', step });
      return op === 'run' ? [() => this.#progress(job), withdraw] : [() => this.#progress(job)];
    }
    const lose = (effect: boolean): (() => Fact) => {
      return () => {
        if (effect) this.#act(job);
        this.#zombies.push({ ...job });
        job.attempt = 0;
        return { type: 'attempt_lost', step, op, ...(effect ? { limit: 3 } : {}) };
      };
    };
    return [
      () => this.#progress(job),
      () => this.#fail(job, 'unknown', true, true),
      () => this.#fail(job, 'unknown', true, false),
      () => this.#fail(job, 'definite', false, false),
      ...(op === 'run' ? [] : [() => this.#fail(job, 'unknown', false, true)]),
      lose(true),
      lose(false),
    ];
  }

  /** The next good thing that can happen to a job. */
  #progress(job: Job): Fact {
    const { attempt } = job;
    if (attempt > 0) {
      // An answer that is taken for overtaken leaves the job there: it is delivered again, under a new number.
      job.attempt = 0;
      return this.#answer(job, attempt);
    }
    job.attempt = (stepState(this.state, job.step)?.attemptsEver ?? 0) + 1;
    return { type: 'attempt_started', step: job.step, op: job.op, ...FACTS };
  }

  /** The participant does it, and says so. A try that comes after its cancel is barred. */
  #answer({ step, op }: Job, attempt: number): Fact {
    const done = this.#act({ step, op, attempt });
    if (op === 'run' && !done) return this.#failure({ step, op, attempt }, 'definite', false);
    if (op === 'run') return { type: 'succeeded', step, result: { of: step }, attempt, ...FACTS };
    return { type: op === 'confirm' ? 'confirmed' : 'compensated', step, attempt, ...FACTS };
  }

  #act({ step, op }: Job): boolean {
    const participant = this.#participants.get(step)!;
    if (op === 'run') {
      if (participant.cancelled) return false;
      participant.held = true;
    } else if (op === 'confirm') {
      ok(participant.held && !participant.cancelled, `${step} is confirmed without a hold`);
      participant.confirmed = true;
    } else {
      ok(!participant.confirmed, `${step} is cancelled after it was confirmed`);
      Object.assign(participant, { held: false, cancelled: true });
    }
    return true;
  }

  #fail(job: Job, outcome: 'definite' | 'unknown', retryable: boolean, effect: boolean): Fact {
    if (effect) this.#act(job);
    if (effect) this.#zombies.push({ ...job });
    const { attempt } = job;
    job.attempt = 0;
    return this.#failure({ ...job, attempt }, outcome, retryable);
  }

  #failure({ step, op, attempt }: Job, outcome: 'definite' | 'unknown', retryable: boolean): Fact {
    return { type: 'attempt_failed', step, op, error: ERROR, outcome, retryable, random: 0, nowMs: this.#nowMs, attempt, ...FACTS };
  }

  /** Decides on what was seen; whoever lost the race decides again on what the winner wrote. */
  #tell(fact: Fact, hasDefinition: boolean, seen: State = this.state): void {
    if (fact.type !== 'attempt_started' && fact.type !== 'attempt_lost' && fact.type !== 'withdrawn') this.#told.push(fact);
    let events = this.#decide(fact, hasDefinition, seen);
    if (events.length > 0 && seen.version !== this.state.version) events = this.#decide(fact, hasDefinition, this.state);
    this.journal.push(...events);
    this.state = evolveAll(this.state, this.state.id, events)!;
    this.#deliver();
  }

  #decide(fact: Fact, hasDefinition: boolean, on: State): readonly TransactionEvent[] {
    try {
      return decide(this.#rules(hasDefinition), on, fact);
    } catch (error) {
      if (isAmendsError(error, 'NOT_ALLOWED')) return [];
      throw error;
    }
  }

  /** The queue holds a job for all that is in flight and for nothing else. A worker that holds one of the others does not know yet. */
  #deliver(): void {
    const open = isTerminal(this.state)
      ? []
      : Object.entries(this.state.steps).flatMap(([step, { status }]) => {
          const op = operationIn(status, DUE);
          return op === undefined ? [] : [{ step, op }];
        });
    const has = (all: readonly Omit<Job, 'attempt'>[], { step, op }: Omit<Job, 'attempt'>): boolean =>
      all.some((one) => one.step === step && one.op === op);
    this.#zombies.push(...this.#jobs.filter((job) => job.attempt > 0 && !has(open, job)));
    const kept = this.#jobs.filter((job) => has(open, job));
    this.#jobs = [...kept, ...open.filter((one) => !has(kept, one)).map((one): Job => ({ ...one, attempt: 0 }))];
  }
}
