import { deepEqual, equal, ok } from 'node:assert/strict';
import { isAmendsError } from '../../src/errors.ts';
import type { Plan } from '../../src/flows/plan.ts';
import { begin, decision, type Rules } from '../../src/machine/decide.ts';
import type { TransactionEvent } from '../../src/machine/event.ts';
import { evolveAll } from '../../src/machine/evolve.ts';
import type { Fact } from '../../src/machine/fact.ts';
import { isTerminal, stepState, type Operation, type State } from '../../src/machine/state.ts';
import { bindingsOf, planOf, type SagaSpec } from '../support/plans.ts';
import { Auditor } from './auditor.ts';
import type { Entry } from './model.ts';

interface Job {
  readonly step: string;
  readonly op: Operation;
  phase: 'waiting' | 'running' | 'lost';
  attempt: number;
}

/** An attempt nobody waits for any more, which may still answer. */
interface Zombie {
  readonly step: string;
  readonly op: Operation;
  readonly attempt: number;
}

/** Something that may happen now. The fact is told on the state at hand, which another writer may have moved on from by then. */
interface Move {
  readonly name: string;
  readonly fact: () => Fact | undefined;
  /** Told by a process that does not have the definition. */
  readonly operator?: boolean;
  /** The attempt it is about: that one ends in one way only. */
  readonly job?: Job;
}

/** Each of these is about the job as it is at that moment: said again later, it would be a lie. */
const SAID_ONCE: ReadonlySet<Fact['type']> = new Set(['attempt_started', 'attempt_lost', 'withdrawn']);

const STARTED_AT_MS = 1_000_000;
const facts = { worker: 'w', startedAtMs: STARTED_AT_MS };
const ERROR = { name: 'Error', message: 'simulated' };

function deepFreeze<T>(value: T): T {
  if (value !== null && typeof value === 'object' && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}

function revived<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** Participants, workers, operators and a queue around one transaction, all simulated; the journal is a list with compare-and-set. */
export class World {
  readonly auditor: Auditor;
  readonly journal: TransactionEvent[] = [];
  state: State;
  /** Appends that were refused because another writer came first. */
  lostRaces = 0;
  readonly #spec: SagaSpec;
  readonly #plan: Plan;
  #broken: ReadonlySet<string>;
  #nowMs = STARTED_AT_MS;
  readonly #jobs = new Map<string, Job>();
  readonly #zombies: Zombie[] = [];
  readonly #told: Fact[] = [];
  #random = 0;

  constructor(spec: SagaSpec) {
    this.#spec = spec;
    this.#plan = planOf(spec);
    this.#broken = new Set(spec.stages.flat().flatMap(({ name, broken }) => (broken ? [name] : [])));
    const deadlineAtMs = spec.deadlineMs === null ? null : STARTED_AT_MS + spec.deadlineMs;
    this.auditor = new Auditor(spec, deadlineAtMs);
    const started = { saga: 'generated', definitionVersion: 1, fingerprint: this.#plan.fingerprint, input: { n: 1 }, inputHash: 'h' };
    const events = begin(this.#rules(true), 't-1', { ...started, tags: {}, deadlineAtMs });
    this.journal.push(...deepFreeze(revived(events)));
    this.state = deepFreeze(evolveAll(undefined, 't-1', this.journal)!);
    this.auditor.began(events, this.#broken, this.#nowMs);
    this.#deliver();
  }

  get model(): Auditor['model'] {
    return this.auditor.model;
  }

  /** One thing happens, or two at the same moment; which, is drawn. Half of the time it is a good thing, or few sagas would get far. */
  play(drawn: number): void {
    const [at, passesMs, race, calm] = [drawn % 997, (drawn >>> 10) % 8, (drawn >>> 13) % 4, (drawn >>> 15) % 2 === 0];
    this.#nowMs += passesMs;
    this.#random = ((drawn >>> 5) % 100) / 100;
    const good = calm ? [...this.#jobs.values()].map((job) => ({ ...this.#progress(job), job })) : [];
    const moves = good.length > 0 ? good : this.#moves();
    const first = moves[at % moves.length]!;
    const other = race === 3 ? moves[(drawn >>> 16) % moves.length]! : undefined;
    const same = other === first || (other?.job !== undefined && other.job === first.job);
    this.#happen(other === undefined || same ? [first] : [first, other]);
  }

  /** From now on all goes well: every answer comes and is good, and an operator mends what is broken. */
  settle(): void {
    const limit = 40 + 20 * this.model.all.length;
    for (let moves = 0; this.model.end === undefined; moves++) {
      ok(moves < limit, 'it ends when all goes well');
      const job = [...this.#jobs.values()][0];
      if (this.model.paused) {
        this.#tell({ type: 'resume_requested', by: 'operator' }, moves % 2 === 0);
      } else if (job !== undefined) {
        this.#happen([this.#progress(job)]);
      } else if (this.model.isStuck) {
        this.#broken = new Set();
        this.#tell({ type: 'retry_requested', by: 'operator' }, true);
      } else {
        this.#tell({ type: 'nudged' }, true);
      }
    }
  }

  /** What must be true of every transaction that ended. */
  expectGoodEnd(): void {
    const { model } = this;
    equal(isTerminal(this.state), true);
    equal(this.state.status, model.end);
    for (const entry of model.all) this.#expectGoodEntry(entry);
    const folded = evolveAll(undefined, 't-1', revived(this.journal));
    deepEqual(folded, this.state, 'the events read back from the journal fold to the same state');
    equal(this.state.version, this.journal.length);
  }

  #expectGoodEntry({ spec: { name, kind }, run, undo, outcome, effect, timesIssued, timesUndone, timedOut }: Entry): void {
    ok(timesIssued <= 1, `${name} was issued twice`);
    if (this.model.end === 'terminated') {
      const named = this.state.termination?.notCompensated.includes(name) === true;
      ok(!effect || undo === 'done' || kind === 'readOnly' || named, `the effect of ${name} was left behind and is not on the list`);
      return;
    }
    if (this.model.end === 'completed') {
      equal(timesIssued, run === 'skipped' && !timedOut ? 0 : 1, `${name} was issued exactly if it was not skipped`);
      equal(timesUndone, 0, `${name} stays`);
      return;
    }
    ok(!effect || undo === 'done' || kind !== 'compensatable', `the effect of ${name} was left behind`);
    if (kind === 'pivot' || kind === 'retriable') ok(!effect, `${name} had its effect, and all before it was undone`);
    const due = kind === 'compensatable' && (run === 'succeeded' || outcome === 'unknown');
    equal(timesUndone, due ? 1 : 0, `${name} is undone exactly if it may have had an effect`);
  }

  #rules(hasDefinition: boolean): Rules {
    const rules = { plan: this.#plan, nowMs: this.#nowMs };
    return hasDefinition ? { ...rules, bindings: bindingsOf(this.#spec, this.#broken) } : rules;
  }

  // --- what may happen -------------------------------------------------------------------------

  #moves(): readonly Move[] {
    const jobs = [...this.#jobs.values()].flatMap((job) => this.#movesOf(job).map((move) => ({ ...move, job })));
    const always: Move[] = [
      { name: 'cancel', fact: () => ({ type: 'cancel_requested', reason: 'why not', by: 'operator' }), operator: this.#nowMs % 2 === 0 },
      { name: 'deadline', fact: () => ({ type: 'deadline_passed', nowMs: this.#nowMs }) },
      { name: 'retry', fact: () => ({ type: 'retry_requested', by: 'operator', reason: 'mended' }), operator: this.#nowMs % 2 === 0 },
      ...this.model.all.slice(0, 1).map(({ spec: { name } }): Move => ({
        name: `retry ${name}`,
        fact: () => ({ type: 'retry_requested', step: name, by: 'operator', reason: 'mended' }),
        operator: this.#nowMs % 2 === 1,
      })),
      ...this.#givingUp(),
      { name: 'pause', fact: () => ({ type: 'pause_requested', by: 'operator' }), operator: true },
      { name: 'resume', fact: () => ({ type: 'resume_requested', by: 'operator' }), operator: this.#nowMs % 2 === 0 },
      { name: 'nudge', fact: () => ({ type: 'nudged' }) },
      ...this.#signals(),
      {
        name: 'mend',
        fact: () => {
          this.#broken = new Set();
          return undefined;
        },
      },
    ];
    const late = this.#zombies.flatMap((zombie) => this.#movesOfZombie(zombie));
    const again = this.#told.slice(-6).map((fact): Move => ({ name: `told twice: ${fact.type}`, fact: () => fact }));
    const often = [...jobs, ...jobs, ...jobs];
    // The moment at which a turn has to wait is short.
    const turns = this.model.pivotInFlight ? always.slice(0, 2) : [];
    return [...often, ...late, ...again, ...always, ...turns, ...turns, ...turns];
  }

  /** A signal may come at any time, with this or that, from a process with or without the definition. */
  #signals(): readonly Move[] {
    const names = this.model.all.filter(({ spec }) => spec.wait?.kind === 'signal').map(({ spec }) => spec.name);
    const wrong = this.#nowMs % 8 === 0 ? this.model.all.slice(0, 1).map(({ spec }) => spec.name) : [];
    return [...names, ...wrong].map((signal) => ({
      name: `signal ${signal}`,
      fact: () => ({ type: 'signal_sent', signal, data: { sent: this.#nowMs % 2 }, by: 'operator' }),
      operator: this.#nowMs % 3 === 0,
    }));
  }

  /** What ends a saga early must be rare, or few would get far. */
  #givingUp(): readonly Move[] {
    const reason = 'enough';
    const stuck = this.model.all.filter(({ undo }) => undo === 'stuck').map(({ spec }) => spec.name);
    const skips = [...stuck, ...(this.#nowMs % 8 === 0 ? this.model.all.slice(0, 1).map(({ spec }) => spec.name) : [])];
    // Without a step all that are stuck are meant.
    const meant = this.#nowMs % 3 === 0 ? skips.map(() => ({})) : skips.map((step) => ({ step }));
    const moves = meant.map((which): Move => ({
      name: `skip the undo of ${JSON.stringify(which)}`,
      fact: () => ({ type: 'skip_requested', ...which, by: 'operator', reason }),
      operator: true,
    }));
    const byHand = meant.map((which): Move => ({
      name: `undo ${JSON.stringify(which)} by hand`,
      fact: () => ({ type: 'undone_by_hand', ...which, by: 'operator', reason }),
      operator: true,
    }));
    const terminate: Move = { name: 'terminate', fact: () => ({ type: 'terminate_requested', by: 'operator', reason }), operator: true };
    return this.#nowMs % 16 === 0 ? [...moves, ...byHand, terminate] : [...moves, ...byHand];
  }

  #movesOf(job: Job): Move[] {
    const { step, op } = job;
    const { wait } = this.model.entry(step).spec;
    if (wait !== undefined) {
      const early: Move = { name: `look at ${step}`, fact: () => ({ type: 'wait_due', step, nowMs: this.#nowMs }) };
      return [this.#progress(job), early, this.#timeUp(step)];
    }
    const withdraw: Move = { name: `withdraw ${step}`, fact: () => this.#withdraw(job) };
    if (job.phase !== 'running')
      return job.phase === 'waiting' && op === 'run' ? [withdraw, this.#progress(job), withdraw] : [this.#progress(job)];
    const lose = (name: string, effect: boolean): Move => ({
      name: `${name} ${op} ${step}`,
      fact: () => {
        this.#effect(job, effect);
        this.#zombies.push({ step, op, attempt: job.attempt });
        job.phase = 'lost';
        return undefined;
      },
    });
    const moves = [
      this.#progress(job),
      this.#fail(job, 'unknown', true, false),
      this.#fail(job, 'unknown', true, true),
      this.#fail(job, 'unknown', false, true),
      lose('lose', true),
      lose('lose early', false),
    ];
    // A participant that says "declined" means it, also of earlier attempts with the same key; others only speak of this attempt.
    const trusted = this.#plan.steps[step]?.kind === 'pivot' && this.model.entry(step).effect;
    return trusted ? moves : [...moves, this.#fail(job, 'definite', true, false), this.#fail(job, 'definite', false, false)];
  }

  #timeUp(step: string): Move {
    return {
      name: `the time of ${step} is up`,
      fact: () => {
        this.#nowMs = Math.max(this.#nowMs, this.model.entry(step).untilMs ?? 0);
        return { type: 'wait_due', step, nowMs: this.#nowMs };
      },
    };
  }

  /** The next good thing that can happen to a job. */
  #progress(job: Job): Move {
    const { step, op } = job;
    const { wait } = this.model.entry(step).spec;
    if (wait?.kind === 'timer' || (wait !== undefined && this.model.signals.has(step))) return this.#timeUp(step);
    if (wait !== undefined)
      return { name: `signal ${step}`, fact: () => ({ type: 'signal_sent', signal: step, data: { sent: 0 }, by: 'operator' }) };
    switch (job.phase) {
      case 'waiting':
        return {
          name: `start ${op} ${step}`,
          fact: () => {
            job.phase = 'running';
            job.attempt = (stepState(this.state, step)?.attemptsEver ?? 0) + 1;
            return { type: 'attempt_started', step, op, ...facts };
          },
        };
      case 'lost':
        return {
          name: `redeliver ${op} ${step}`,
          fact: () => {
            job.phase = 'waiting';
            return this.#nowMs % 4 === 0 ? { type: 'attempt_lost', step, op, jobLost: true } : { type: 'attempt_lost', step, op, limit: 3 };
          },
        };
      case 'running':
        return {
          name: `succeed ${op} ${step}`,
          fact: () => {
            this.#effect(job, true);
            const { attempt } = job;
            return op === 'run'
              ? { type: 'succeeded', step, result: { of: step, attempt }, attempt, ...facts }
              : { type: 'compensated', step, attempt, ...facts };
          },
        };
    }
  }

  #fail(job: Job, outcome: 'definite' | 'unknown', retryable: boolean, effect: boolean): Move {
    const { step, op } = job;
    return {
      name: `fail ${op} ${step}: ${outcome}${retryable ? '' : ', final'}${effect ? ', with effect' : ''}`,
      fact: () => {
        this.#effect(job, effect);
        const { attempt } = job;
        // A timeout: the action is still running somewhere.
        if (outcome === 'unknown' && effect) this.#zombies.push({ step, op, attempt });
        job.phase = 'waiting';
        return this.#failure(job, attempt, outcome, retryable);
      },
    };
  }

  #failure({ step, op }: Zombie | Job, attempt: number, outcome: 'definite' | 'unknown', retryable: boolean): Fact {
    const random = this.#random;
    return { type: 'attempt_failed', step, op, error: ERROR, outcome, retryable, random, nowMs: this.#nowMs, attempt, ...facts };
  }

  #movesOfZombie(zombie: Zombie): Move[] {
    const { step, op, attempt } = zombie;
    const entry = this.model.entry(step);
    const fails: Move = { name: `late failure of ${op} ${step}`, fact: () => this.#failure(zombie, attempt, 'definite', false) };
    const succeeds: Move = {
      name: `late success of ${op} ${step}`,
      fact: () =>
        op === 'run'
          ? { type: 'succeeded', step, result: { of: step, attempt, late: true }, attempt, ...facts }
          : { type: 'compensated', step, attempt, ...facts },
    };
    // Its worker, which had told that its time was up, tells of the answer.
    const answers: Move = { name: `late answer of ${step}`, fact: () => ({ type: 'answered_late', step, attempt, ...facts }) };
    return op === 'run' && entry.effect ? [succeeds, answers] : [fails, succeeds].slice(0, op === 'run' ? 1 : 2);
  }

  #withdraw({ step }: Job): Fact {
    return { type: 'withdrawn', step };
  }

  /** The participant's barrier lets no effect through once the undo was there. */
  #effect({ step, op }: Job, happens: boolean): void {
    const entry = this.model.entry(step);
    if (happens && op === 'run' && entry.undo === 'none') entry.effect = true;
  }

  // --- telling the machine -----------------------------------------------------------------------

  /** Everything decided at the same moment stands on the same state; only the first append can win. */
  #happen(moves: readonly Move[]): void {
    const seen = this.state;
    for (const move of moves) {
      const fact = move.fact();
      if (fact === undefined) continue;
      if (!SAID_ONCE.has(fact.type)) this.#told.push(fact);
      this.#tell(fact, move.operator !== true, seen);
    }
    this.#deliver();
  }

  #tell(fact: Fact, hasDefinition: boolean, seen: State = this.state): void {
    let on = seen;
    for (;;) {
      const outcome = this.#decide(fact, hasDefinition, on);
      if (outcome !== 'refused' && outcome.length > 0 && on.version !== this.state.version) {
        this.lostRaces++;
        on = this.state;
        continue;
      }
      // What changes nothing is never appended, so nobody notices that it was decided on an old state.
      if (on.version !== this.state.version) return;
      this.auditor.decided(fact, outcome, { broken: this.#broken, mayIssue: hasDefinition, nowMs: this.#nowMs });
      if (outcome !== 'refused') this.#append(outcome);
      return;
    }
  }

  #append(events: readonly TransactionEvent[]): void {
    const stored = deepFreeze(revived(events));
    this.journal.push(...stored);
    this.state = deepFreeze(evolveAll(this.state, this.state.id, stored)!);
    this.#deliver();
  }

  /** Decides on frozen input, and again on a copy that went through JSON: both must say the same. */
  #decide(fact: Fact, hasDefinition: boolean, on: State): readonly TransactionEvent[] | 'refused' {
    deepFreeze(fact);
    const once = (state: State): readonly TransactionEvent[] | 'refused' => {
      try {
        const { events, state: next } = decision(this.#rules(hasDefinition), state, fact);
        deepEqual(next, evolveAll(state, state.id, events), 'the state a decision gives is the one its events fold to');
        return events;
      } catch (error) {
        if (isAmendsError(error, 'NOT_ALLOWED')) return 'refused';
        throw error;
      }
    };
    const [outcome, again] = [on, revived(on)].map(once); // on one line: a mapper's error has a stack
    deepEqual(again, outcome, 'decide is pure, and a state read back from JSON decides the same');
    return outcome!;
  }

  /** The queue holds a job for all that is in flight and for nothing else. A worker that holds one of the others does not know yet. */
  #deliver(): void {
    const open = new Map(this.model.open.map(({ step, op }) => [`${op} ${step}`, { step, op }]));
    for (const [key, { step, op, phase, attempt }] of this.#jobs) {
      if (open.has(key)) continue;
      this.#jobs.delete(key);
      if (phase !== 'waiting') this.#zombies.push({ step, op, attempt });
    }
    for (const [key, { step, op }] of open) {
      if (!this.#jobs.has(key)) this.#jobs.set(key, { step, op, phase: 'waiting', attempt: 0 });
    }
  }
}
