import { stepOf, type Plan } from '../flows/plan.ts';
import type { TransactionSummary } from '../journal/journal.ts';
import { DUE, isTerminal, operationIn, stepState, type Operation, type State, type Status } from '../machine/state.ts';
import { operationWord } from '../machine/words.ts';
import { operatorRules, type Engine } from '../producers/engine.ts';
import { operationJob } from '../queues/advance.ts';
import type { Finding } from '../telemetry/alerts/alert.ts';
import type { OpenCase } from '../telemetry/alerts/cases.ts';
import type { ResolvedRules } from '../telemetry/alerts/rules.ts';

/** Cases of one rule that are told one by one. What there is beyond them is one more case. */
const MOST_CASES = 50;
const PAGE = 200;
/** Transactions whose state one look reads. */
const MOST_STATES = 50;
const LIVE: readonly Status[] = ['running', 'waiting', 'compensating', 'confirming', 'cancelling'];

function about({ id, saga, kind }: State): string {
  return `${kind ?? 'saga'} "${saga}" ${id}`;
}

/** What waits for a person. */
export async function stuckFindings({ journal }: Engine): Promise<readonly Finding[]> {
  const { transactions, nextCursor } = await journal.list({ status: ['stuck'], limit: PAGE });
  const each = transactions.slice(0, MOST_CASES).map(({ id, saga }): Finding => {
    const text = `${saga} ${id} is stuck and needs a person: look at it with amends show ${id}`;
    return { rule: 'stuck', subject: id, saga, transaction: id, text };
  });
  if (transactions.length <= MOST_CASES) return each;
  const many = `${nextCursor === undefined ? transactions.length : `more than ${PAGE}`} transactions are stuck: list them with amends list --status stuck`;
  return [...each, { rule: 'stuck', subject: 'many', text: many }];
}

/** Of transactions that were found before and are not on the page any more: those that still are stuck. */
export async function stillStuck({ journal }: Engine, cases: readonly OpenCase[]): Promise<readonly Finding[]> {
  const ids = cases.flatMap(({ transaction }) => (transaction === undefined ? [] : [transaction]));
  if (ids.length === 0) return [];
  const stuck = new Set((await journal.summaries(ids)).filter(({ status }) => status === 'stuck').map(({ id }) => id));
  return cases.filter(({ transaction }) => transaction !== undefined && stuck.has(transaction));
}

/** How long may pass without an event while this operation is due. */
function patienceMs(plan: Plan, state: State, name: string, op: Operation): number {
  const { action, compensation, hold } = stepOf(plan, name);
  const policy = op === 'run' ? action : op === 'confirm' ? (hold?.confirm ?? compensation) : compensation;
  return policy.timeoutMs + (stepState(state, name)?.backingOff === true ? policy.retry.maxDelayMs : 0);
}

async function findingOf(engine: Engine, rules: ResolvedRules, summary: TransactionSummary): Promise<Finding | undefined> {
  const state = await engine.transactions.load(summary.id);
  if (state === undefined || isTerminal(state) || state.paused !== undefined) return undefined;
  const { plan } = await operatorRules(engine, state);
  const quietMs = engine.clock.nowMs() - summary.updatedAtMs;
  const on = (rule: 'overdue' | 'noWorker'): boolean => rules.on.has(rule);
  for (const [step, { status, wait, backingOff }] of Object.entries(state.steps)) {
    const op = operationIn(status, DUE);
    if (op === undefined) continue;
    const where = { saga: state.saga, step };
    if (wait !== undefined) {
      if (!on('overdue') || wait.untilMs === null || engine.clock.nowMs() < wait.untilMs + rules.overdueAfterMs) continue;
      return {
        rule: 'overdue',
        subject: state.id,
        ...where,
        transaction: state.id,
        text: `${about(state)}: wait ${step} is over, and nothing goes on`,
      };
    }
    const job = operationJob(plan, state.id, step, op);
    const word = operationWord(plan, op);
    if (on('noWorker') && !backingOff && quietMs >= rules.noWorkerAfterMs) {
      const found = await engine.queues.stateOf(job);
      // Put off, but not by its own retry: those who took it had not the code. Not taken: a backlog, unless nobody takes anything.
      if (found === 'delayed' || (found === 'waiting' && (await engine.queues.counts(job.queue))['active'] === 0)) {
        const text = `no worker for ${word} ${step} of saga "${state.saga}", version ${state.definitionVersion}: start one that takes queue ${job.queue} and has its code`;
        return { rule: 'noWorker', subject: `${state.saga}/${step}`, ...where, text };
      }
    }
    if (on('overdue') && quietMs >= patienceMs(plan, state, step, op) + rules.overdueAfterMs) {
      const text = `${about(state)}: ${word} ${step} is overdue, nothing has happened for ${Math.round(quietMs / 1_000)} s`;
      return { rule: 'overdue', subject: state.id, ...where, transaction: state.id, text };
    }
  }
  return undefined;
}

/** Looks through what should go on by itself, a part of it each time. */
export class QuietTransactions {
  readonly #engine: Engine;
  readonly #rules: ResolvedRules;
  readonly #cursors = new Map<Status, string>();

  constructor(engine: Engine, rules: ResolvedRules) {
    this.#engine = engine;
    this.#rules = rules;
  }

  /** @param known ids of open cases: looked at each time */
  async findings(known: readonly string[]): Promise<readonly Finding[]> {
    const { journal, clock } = this.#engine;
    const quietSinceMs = clock.nowMs() - Math.min(this.#rules.noWorkerAfterMs, this.#rules.overdueAfterMs);
    const candidates = new Map((await journal.summaries(known)).map((summary) => [summary.id, summary]));
    for (const status of LIVE) {
      const { transactions, nextCursor } = await journal.list({ status: [status], limit: PAGE, cursor: this.#cursors.get(status) });
      if (nextCursor === undefined) this.#cursors.delete(status);
      else this.#cursors.set(status, nextCursor);
      for (const summary of transactions) if (candidates.size < MOST_STATES) candidates.set(summary.id, summary);
    }
    const findings: Finding[] = [];
    for (const summary of candidates.values()) {
      if (summary.updatedAtMs > quietSinceMs) continue;
      const finding = await findingOf(this.#engine, this.#rules, summary).catch(() => undefined); // purged, or without a plan
      if (finding !== undefined) findings.push(finding);
    }
    return findings;
  }
}

/** Subscriptions that are behind. One that is paused is so on purpose. */
export async function lagFindings({ subscriptions }: Engine, { lagAfterMs }: ResolvedRules): Promise<readonly Finding[]> {
  return (await subscriptions()).flatMap(({ name, paused, lag }): Finding[] => {
    if (paused || lag.seconds * 1_000 < lagAfterMs) return [];
    const text = `subscription "${name}" is ${lag.events} events behind, the oldest is ${Math.round(lag.seconds)} s old`;
    return [{ rule: 'lag', subject: name, text }];
  });
}

/** Whether an operation that was reported as failing again and again still is. */
export async function stillFailing({ transactions }: Engine, known: Finding): Promise<boolean> {
  const state = known.transaction === undefined ? undefined : await transactions.load(known.transaction);
  const step = state === undefined || known.step === undefined ? undefined : stepState(state, known.step);
  if (state === undefined || step === undefined || isTerminal(state)) return false;
  // One that is stuck is told as that.
  return operationIn(step.status, DUE) !== undefined && step.attempts > 0;
}
