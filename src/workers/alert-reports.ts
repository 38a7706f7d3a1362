import { LRUCache } from 'lru-cache';
import * as z from 'zod';
import type { TransactionEvent } from '../machine/event.ts';
import type { State } from '../machine/state.ts';
import { knownRules, type Engine } from '../producers/engine.ts';
import { ALERT_RULES, type Finding } from '../telemetry/alerts/alert.ts';
import type { ResolvedRules } from '../telemetry/alerts/rules.ts';
import { failing } from './failing.ts';

/** What the process that sees it reports to whoever looks: jobs that nobody takes, read and removed by the look. */
const REPORTS = 'alert-reports';
/** The same is reported at most this often by one process, in milliseconds. */
const AGAIN_MS = 10_000;
const REMEMBERED = 10_000;
/** Reports that one look reads. */
const MOST = 2_000;
const AT_ONCE = 50;

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
  readonly #last = new LRUCache<string, number>({ max: REMEMBERED });
  readonly #sending = new Set<Promise<void>>();

  constructor(engine: Engine, rules: ResolvedRules, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#rules = rules;
    this.#onError = onError;
  }

  /** Of what was recorded here: what fails again and again, or for long. */
  watch(state: State, events: readonly TransactionEvent[]): void {
    for (const event of events) {
      if (event.type !== 'attempt_failed') continue;
      const plan = knownRules(this.#engine, state)?.plan;
      const finding = plan && failing(this.#rules, plan, state, event.data.step, this.#engine.clock.nowMs());
      if (finding !== undefined) this.send(finding);
    }
  }

  send(finding: Finding): void {
    if (!this.#rules.on.has(finding.rule)) return;
    const key = `${finding.rule}.${finding.subject}`;
    const now = performance.now();
    if (now - (this.#last.get(key) ?? -Infinity) < AGAIN_MS) return;
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

  async read(): Promise<{ readonly reports: readonly Report[]; /** There may be more. */ readonly isBehind: boolean }> {
    const jobs = await this.#engine.queues.plain.waiting(REPORTS, MOST);
    const reports = jobs.map(({ jobId, data }) => ({ jobId, finding: report.safeParse(data).data }));
    return { reports, isBehind: reports.length === MOST };
  }

  async discard(jobIds: readonly string[]): Promise<void> {
    for (let at = 0; at < jobIds.length; at += AT_ONCE) {
      const some = jobIds.slice(at, at + AT_ONCE);
      await Promise.all(some.map((jobId) => this.#engine.queues.plain.discard({ queue: REPORTS, jobId })));
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#sending);
  }
}
