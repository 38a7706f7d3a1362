import * as z from 'zod';
import { stepOf } from '../flows/plan.ts';
import type { TransactionEvent } from '../machine/event.ts';
import { stepState, type State } from '../machine/state.ts';
import { operationWord } from '../machine/words.ts';
import { knownRules, type Engine } from '../producers/engine.ts';
import { ALERT_RULES, type Finding } from '../telemetry/alerts/alert.ts';
import type { ResolvedRules } from '../telemetry/alerts/rules.ts';

/** What the process that sees it reports to whoever looks: jobs that nobody takes, read and removed by the look. */
const REPORTS = 'alert-reports';
/** The same is reported at most this often by one process, in milliseconds. */
const AGAIN_MS = 10_000;
const REMEMBERED = 1_000;
const PAGE = 100;

const report = z.strictObject({
  rule: z.enum(ALERT_RULES),
  subject: z.string().max(300),
  text: z.string().max(1_000),
  saga: z.string().optional(),
  step: z.string().optional(),
  transaction: z.string().optional(),
});

export interface Report {
  readonly jobId: string;
  /** `undefined`: it was not written by us. */
  readonly finding: Finding | undefined;
}

/** What only one process sees, on its way to the one that tells. */
export class AlertReports {
  readonly #engine: Engine;
  readonly #rules: ResolvedRules;
  readonly #onError: (error: unknown) => void;
  readonly #last = new Map<string, number>();
  readonly #sending = new Set<Promise<void>>();

  constructor(engine: Engine, rules: ResolvedRules, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#rules = rules;
    this.#onError = onError;
  }

  /** Of what was recorded here: what fails again and again. */
  watch(state: State, events: readonly TransactionEvent[]): void {
    for (const event of events) {
      if (event.type !== 'attempt_failed') continue;
      const { step, op } = event.data;
      const plan = knownRules(this.#engine, state)?.plan;
      const attempts = stepState(state, step)?.attempts ?? 0;
      if (plan === undefined) continue;
      const word = operationWord(plan, op);
      const what = { subject: `${state.id}/${step}/${op}`, saga: state.saga, step, transaction: state.id };
      const text = `${state.kind ?? 'saga'} "${state.saga}" ${state.id}: ${word} ${step} has failed ${attempts} times, and is tried on`;
      if (op !== 'run' && attempts >= this.#rules.failingAfterAttempts) this.send({ rule: 'compensationFailing', ...what, text });
      // Only what is retried for ever gets that far.
      if (op === 'run' && attempts >= stepOf(plan, step).action.retry.attempts) this.send({ rule: 'overdue', ...what, text });
    }
  }

  send(finding: Finding): void {
    if (!this.#rules.on.has(finding.rule)) return;
    const key = `${finding.rule}.${finding.subject}`;
    const now = performance.now();
    if (now - (this.#last.get(key) ?? -Infinity) < AGAIN_MS) return;
    if (this.#last.size >= REMEMBERED) this.#last.clear();
    this.#last.set(key, now);
    // One at a time of each: until it has been read, another one says no more.
    const jobId = `report.${Buffer.from(key).toString('base64url')}`;
    const sent = this.#engine.queues.plain
      .add({ queue: REPORTS, jobId, name: finding.rule, message: finding })
      .catch((error: unknown) => {
        this.#last.delete(key); // the next time it happens it is reported again
        this.#onError(error);
      })
      .finally(() => this.#sending.delete(sent));
    this.#sending.add(sent);
  }

  async read(): Promise<readonly Report[]> {
    const jobs = await this.#engine.queues.plain.waiting(REPORTS, PAGE);
    return jobs.map(({ jobId, data }) => ({ jobId, finding: report.safeParse(data).data }));
  }

  async discard(jobIds: readonly string[]): Promise<void> {
    for (const jobId of jobIds) await this.#engine.queues.plain.discard({ queue: REPORTS, jobId });
  }

  async close(): Promise<void> {
    await Promise.all(this.#sending);
  }
}
