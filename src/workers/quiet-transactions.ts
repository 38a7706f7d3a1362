import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { isAmendsError } from '../errors.ts';
import { stepOf, type Plan } from '../flows/plan.ts';
import type { TransactionSummary } from '../journal/journal.ts';
import { DUE, isTerminal, operationIn, type Operation, type State, type StepState, type Status } from '../machine/state.ts';
import { operationWord } from '../machine/words.ts';
import { operatorRules, type Engine } from '../producers/engine.ts';
import { operationJob } from '../queues/advance.ts';
import type { OperationJob } from '../queues/queue-port.ts';
import type { AlertRule, Finding } from '../telemetry/alerts/alert.ts';
import type { OpenCase } from '../telemetry/alerts/cases.ts';
import type { ResolvedRules } from '../telemetry/alerts/rules.ts';
import { ALERTS } from './alert-messages.ts';
import { about, failing } from './failing.ts';
import { workersOf } from './serving.ts';

const LIVE: readonly Status[] = ['running', 'waiting', 'compensating', 'confirming', 'cancelling'];
const PAGE = 200;
/** Pages of one status that one look goes through. */
const MOST_PAGES = 20;
/** No more pages of a status are looked through once so many states are to be read. */
const ENOUGH_STATES = 500;
const AT_ONCE = 10;
/** Transactions that are remembered as quiet for good reason. */
const REMEMBERED = 20_000;
/** What is true only for a moment is asked again after this long, in milliseconds. */
const MOMENT_MS = 100;
const TIMES = 3;

/** How far the list of each status was looked through. */
export type Places = Readonly<Record<string, string>>;

export interface QuietLook {
  readonly findings: readonly Finding[];
  readonly places: Places;
  /** What went wrong with single transactions: their open cases are among the findings. */
  readonly errors: readonly unknown[];
}

/** How long may pass without an event while this operation is due: the next attempt begins with one. */
function patienceMs(plan: Plan, name: string, op: Operation, { backingOff }: StepState): number {
  const { action, compensation, hold } = stepOf(plan, name);
  const policy = op === 'run' ? action : op === 'confirm' ? (hold?.confirm ?? compensation) : compensation;
  return backingOff ? policy.retry.maxDelayMs : policy.timeoutMs;
}

/** What a queue's workers are found to do, asked once in a look. */
class Takers {
  readonly #engine: Engine;
  readonly #counts = new Map<string, Promise<number | null>>();
  readonly #idle = new Map<string, Promise<boolean>>();
  #listed: Promise<boolean> | undefined;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** No worker takes this job: there is none, or it waits although they have nothing else to do, or those who took it had not the code. */
  async leave(job: OperationJob, { backingOff }: StepState): Promise<boolean> {
    const { queue } = job;
    const count = this.#counts.get(queue) ?? this.#count(queue);
    this.#counts.set(queue, count);
    // Then it does not matter what the job is in: one that died holds it for as long as nobody looks.
    if ((await count) === 0) return true;
    if (backingOff) return false;
    const found = await this.#engine.queues.stateOf(job);
    if (found !== 'waiting') return found === 'delayed'; // not by its own retry
    const idle = this.#idle.get(queue) ?? this.#isIdle(queue);
    this.#idle.set(queue, idle);
    return idle;
  }

  async #count(queue: string): Promise<number | null> {
    let count: number | null = 0;
    // They may be about to connect again.
    for (let time = 0; count === 0 && time < TIMES; time++) {
      if (time > 0) await delay(MOMENT_MS);
      ({ count } = await workersOf(this.#engine, queue).catch(() => ({ count: null }))); // a server may forbid the question
    }
    return count === 0 && !(await this.#isListed()) ? null : count;
  }

  /** Behind a proxy, say, no worker is in the store's list, and so this one is not: then that says nothing of others. */
  #isListed(): Promise<boolean> {
    const { store, queues } = this.#engine;
    if (store === 'embedded') return Promise.resolve(true);
    return (this.#listed ??= queues.plain
      .bullQueue(ALERTS)
      .getWorkers()
      .then(({ length }) => length > 0));
  }

  async #isIdle(queue: string): Promise<boolean> {
    for (let time = 0; time < TIMES; time++) {
      if (time > 0) await delay(MOMENT_MS);
      if ((await this.#engine.queues.counts(queue))['active'] !== 0) return false;
    }
    return true;
  }
}

/** Looks through what should go on by itself: all of it, or some thousands at a time. */
export class QuietTransactions {
  readonly #engine: Engine;
  readonly #rules: ResolvedRules;
  /** Those that only wait: until when, if nothing happens to them. */
  readonly #fine = new LRUCache<string, { readonly version: number; readonly untilMs: number }>({ max: REMEMBERED });

  constructor(engine: Engine, rules: ResolvedRules) {
    this.#engine = engine;
    this.#rules = rules;
  }

  /**
   * @param open cases: their transactions are looked at each time
   * @param from where the look before, of whichever worker, has ended
   */
  async look(open: readonly OpenCase[], from: Places): Promise<QuietLook> {
    const { journal, clock } = this.#engine;
    const { noWorkerAfterMs, overdueAfterMs, failingAfterMs } = this.#rules;
    const quietSinceMs = clock.nowMs() - Math.min(noWorkerAfterMs, overdueAfterMs, failingAfterMs);
    const known = await journal.summaries(open.flatMap(({ transaction }) => transaction ?? []));
    const candidates = new Map(known.filter((one) => one.updatedAtMs <= quietSinceMs).map((one) => [one.id, one]));
    const places: Record<string, string> = {};
    for (const status of LIVE) {
      const cursor = await this.#walk(status, from[status], quietSinceMs, candidates);
      if (cursor !== undefined) places[status] = cursor;
    }
    const takers = new Takers(this.#engine);
    const [findings, errors]: [Finding[], unknown[]] = [[], []];
    const all = [...candidates.values()];
    for (let at = 0; at < all.length; at += AT_ONCE) {
      const some = all.slice(at, at + AT_ONCE);
      const found = await Promise.allSettled(some.map((summary) => this.#findingsOf(summary, takers)));
      found.forEach((one, place) => {
        if (one.status === 'fulfilled') return findings.push(...one.value);
        if (isAmendsError(one.reason, 'UNKNOWN_DEFINITION')) return undefined; // nobody can tell what should happen
        errors.push(one.reason);
        return findings.push(...open.filter(({ transaction }) => transaction === some[place]!.id));
      });
    }
    return { findings, places, errors };
  }

  /** Adds what is quiet. Gives where the next look goes on; `undefined`: from the beginning. */
  async #walk(
    status: Status,
    from: string | undefined,
    quietSinceMs: number,
    candidates: Map<string, TransactionSummary>,
  ): Promise<string | undefined> {
    let cursor = from;
    let found = 0;
    for (let page = 0; page < MOST_PAGES && found < ENOUGH_STATES; page++) {
      // What began later has had an event since.
      const { transactions, nextCursor } = await this.#engine.journal.list({ status: [status], limit: PAGE, cursor, toMs: quietSinceMs });
      for (const summary of transactions) {
        if (summary.updatedAtMs > quietSinceMs || this.#isFine(summary) || candidates.has(summary.id)) continue;
        candidates.set(summary.id, summary);
        found++;
      }
      cursor = nextCursor;
      if (cursor === undefined) break;
    }
    return cursor;
  }

  #isFine({ id, version }: TransactionSummary): boolean {
    const fine = this.#fine.get(id);
    return fine !== undefined && fine.version === version && this.#engine.clock.nowMs() < fine.untilMs;
  }

  async #findingsOf(summary: TransactionSummary, takers: Takers): Promise<readonly Finding[]> {
    const state = await this.#engine.transactions.load(summary.id);
    // Of another version: something has just happened.
    if (state?.version !== summary.version || isTerminal(state) || state.paused !== undefined) return [];
    const { plan } = await operatorRules(this.#engine, state);
    const findings: Finding[] = [];
    let fineUntilMs = Infinity;
    for (const [name, step] of Object.entries(state.steps)) {
      const op = operationIn(step.status, DUE);
      if (op === undefined) continue;
      const finding =
        step.wait === undefined ? await this.#dueFinding({ plan, state, summary, name, op, takers }) : this.#waitFinding(state, name);
      if (finding !== undefined) findings.push(finding);
      const untilMs = step.wait === undefined ? 0 : (step.wait.untilMs ?? Infinity) + this.#rules.overdueAfterMs;
      fineUntilMs = Math.min(fineUntilMs, untilMs);
    }
    if (findings.length === 0) {
      if (fineUntilMs > 0) this.#fine.set(state.id, { version: state.version, untilMs: fineUntilMs });
      return [];
    }
    // A job is moved after what became of it was recorded: it may have been taken, and have failed, since the state was read.
    return (await this.#engine.transactions.load(summary.id))?.version === summary.version ? findings : [];
  }

  #waitFinding(state: State, step: string): Finding | undefined {
    const untilMs = state.steps[step]?.wait?.untilMs ?? Infinity;
    if (!this.#isOn('overdue') || this.#engine.clock.nowMs() < untilMs + this.#rules.overdueAfterMs) return undefined;
    return this.#overdue(state, step, `wait ${step} is over, and nothing goes on`);
  }

  async #dueFinding({ plan, state, summary, name, op, takers }: Due): Promise<Finding | undefined> {
    const { noWorkerAfterMs, overdueAfterMs } = this.#rules;
    const step = state.steps[name]!;
    const quietMs = this.#engine.clock.nowMs() - summary.updatedAtMs;
    const job = operationJob(plan, state.id, name, op);
    const word = operationWord(plan, op);
    if (this.#isOn('noWorker') && quietMs >= noWorkerAfterMs && (await takers.leave(job, step))) {
      const { id, saga, definitionVersion } = state;
      const text = `no worker for ${word} ${name} of saga "${saga}", version ${definitionVersion}: start one that takes queue ${job.queue} and has its code`;
      return { rule: 'noWorker', subject: `${saga}/${name}`, saga, step: name, transaction: id, text };
    }
    const fails = failing(this.#rules, plan, state, name, this.#engine.clock.nowMs());
    if (fails !== undefined) return this.#isOn(fails.rule) ? fails : undefined;
    if (!this.#isOn('overdue') || quietMs < patienceMs(plan, name, op, step) + overdueAfterMs) return undefined;
    return this.#overdue(state, name, `${word} ${name} is overdue, nothing has happened for ${Math.round(quietMs / 1_000)} s`);
  }

  #overdue(state: State, step: string, what: string): Finding {
    const { id, saga } = state;
    return { rule: 'overdue', subject: id, saga, step, transaction: id, text: `${about(state)}: ${what}` };
  }

  #isOn(rule: AlertRule): boolean {
    return this.#rules.on.has(rule);
  }
}

interface Due {
  readonly plan: Plan;
  readonly state: State;
  readonly summary: TransactionSummary;
  readonly name: string;
  readonly op: Operation;
  readonly takers: Takers;
}
