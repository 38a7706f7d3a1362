import * as z from 'zod';
import { isAmendsError } from '../errors.ts';
import type { Engine } from '../producers/engine.ts';
import type { Consumer, Delivery, Verdict } from '../queues/queue-port.ts';
import { ALERT_RULES, headlineOf, type Alert, type Finding } from '../telemetry/alerts/alert.ts';
import { follow, keyOf, type OpenCases } from '../telemetry/alerts/cases.ts';
import type { ResolvedAlerts } from '../telemetry/alerts/options.ts';
import { AlertReports } from './alert-reports.ts';
import { lagFindings, QuietTransactions, stillFailing, stillStuck, stuckFindings } from './findings.ts';

const ALERTS = 'alerts';
const LOOK = 'look';
/** The job of the look is put back if it is gone, this often, in milliseconds. */
const ENSURE_MS = 15_000;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
/** With these pauses that is a day and a half. */
const MOST_TRIES = 400;
const CONCURRENCY = 5;

const rule = z.enum(ALERT_RULES);
const finding = {
  rule,
  subject: z.string(),
  text: z.string(),
  saga: z.string().optional(),
  step: z.string().optional(),
  transaction: z.string().optional(),
};
const message = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('look'),
    cases: z.record(
      z.string(),
      z.strictObject({ ...finding, sinceMs: z.number(), seenMs: z.number(), toldMs: z.number(), told: z.number() }),
    ),
    /** Reports that are in the cases: not yet removed. */
    read: z.array(z.string()),
  }),
  z.strictObject({
    kind: z.literal('deliver'),
    channel: z.string(),
    alert: z.strictObject({
      ...finding,
      caseId: z.string(),
      kind: z.enum(['raised', 'repeated', 'resolved']),
      sinceMs: z.number(),
      atMs: z.number(),
      namespace: z.string(),
    }),
  }),
]);
type Message = z.infer<typeof message>;
type Look = Extract<Message, { kind: 'look' }>;
const NOTHING: Look = { kind: 'look', cases: {}, read: [] };

/**
 * Looks for what people should know, and tells them. The look is one job that is put off again and again: the queue gives it to one worker at a
 * time, and to another one when that is lost; what is open travels in the job. Each alert to each channel is a job of its own.
 */
export class AlertDuty {
  readonly #engine: Engine;
  readonly #options: ResolvedAlerts;
  readonly #onError: (error: unknown) => void;
  readonly #reports: AlertReports;
  readonly #quiet: QuietTransactions;
  #consumer: Consumer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;

  constructor(engine: Engine, options: ResolvedAlerts, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#options = options;
    this.#onError = onError;
    this.#reports = new AlertReports(engine, options.rules, onError);
    this.#quiet = new QuietTransactions(engine, options.rules);
  }

  /** The sweeper had to put back jobs. */
  repaired(jobs: number): void {
    this.#reports.send({
      rule: 'sweeper',
      subject: 'jobs',
      text: `the sweeper put back jobs that were gone (${jobs} in one look): something loses them`,
    });
  }

  lostWrites(): void {
    this.#reports.send({
      rule: 'storeLoss',
      subject: 'redis',
      text: 'Redis has lost writes: every transaction was looked at for jobs that are gone',
    });
  }

  async start(limits: { readonly lockMs: number; readonly stallCheckMs: number }): Promise<void> {
    this.#stopListening = this.#engine.telemetry.listen((state, events) => this.#reports.watch(state, events));
    this.#consumer = await this.#engine.queues.plain.consume(ALERTS, (delivery) => this.#handle(delivery), {
      concurrency: CONCURRENCY,
      ...limits,
      onError: this.#onError,
    });
    await this.#ensure();
    this.#timer = setInterval(() => void this.#ensure().catch(this.#onError), ENSURE_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopListening?.();
    await this.#reports.close();
    await this.#consumer?.close();
  }

  #ensure(): Promise<void> {
    return this.#engine.queues.plain.add({ queue: ALERTS, jobId: LOOK, name: LOOK, message: NOTHING });
  }

  async #handle(delivery: Delivery): Promise<Verdict> {
    const parsed = message.safeParse(delivery.data);
    if (delivery.jobId === LOOK) {
      // What another version has left, or somebody else has written, is no reason to look no more.
      const last = parsed.data?.kind === 'look' ? parsed.data : NOTHING;
      return { kind: 'postpone', afterMs: this.#options.everyMs, keep: await this.#look(last) };
    }
    if (parsed.data?.kind === 'deliver') return this.#deliver(parsed.data.channel, parsed.data.alert, delivery);
    return { kind: 'failed', error: new Error('this job is no alert of Amends, so it is parked') };
  }

  /** One look: what is found, what follows from it, and the jobs that tell it. They are added before the cases are kept, under ids that follow from them. */
  async #look({ cases, read }: Look): Promise<Look> {
    const { clock, namespace, queues } = this.#engine;
    await this.#reports.discard(read);
    const reports = await this.#reports.read();
    const found = [...(await this.#findings(cases)), ...reports.flatMap((one) => one.finding ?? [])];
    const { repeatAfterMs, quietMs, channels } = this.#options;
    const followed = follow(cases, found, { nowMs: clock.nowMs(), repeatAfterMs, quietMs, namespace });
    for (const { alert, number } of followed.alerts) {
      this.#engine.log.warn({ rule: alert.rule, kind: alert.kind, transaction: alert.transaction }, headlineOf(alert));
      for (const { name: channel } of channels) {
        const jobId = `alert.${alert.caseId}.${number}-${channel}`;
        await queues.plain.add({ queue: ALERTS, jobId, name: `${alert.kind} ${alert.rule}`, message: { kind: 'deliver', channel, alert } });
      }
    }
    return { kind: 'look', cases: followed.cases, read: reports.map(({ jobId }) => jobId) };
  }

  async #findings(cases: OpenCases): Promise<readonly Finding[]> {
    const { on } = this.#options.rules;
    const open = Object.values(cases);
    const of = (rule: Finding['rule']) => open.filter((one) => one.rule === rule);
    const findings: Finding[] = [];
    if (on.has('stuck')) {
      const stuck = await stuckFindings(this.#engine);
      const listed = new Set(stuck.map(keyOf));
      const others = of('stuck').filter((one) => !listed.has(keyOf(one)));
      findings.push(...stuck, ...(await stillStuck(this.#engine, others)));
    }
    if (on.has('overdue') || on.has('noWorker')) {
      findings.push(...(await this.#quiet.findings(of('overdue').flatMap(({ transaction }) => transaction ?? []))));
    }
    if (on.has('lag')) findings.push(...(await lagFindings(this.#engine, this.#options.rules)));
    for (const one of [...of('compensationFailing'), ...of('overdue').filter(({ subject, transaction }) => subject !== transaction)]) {
      if (await stillFailing(this.#engine, one)) findings.push(one);
    }
    return findings;
  }

  async #deliver(name: string, alert: Alert, { jobId, failures }: Delivery): Promise<Verdict> {
    const channel = this.#options.channels.find((one) => one.name === name);
    if (channel === undefined) return { kind: 'postpone', afterMs: 5_000, why: `waits for a worker that has channel "${name}"` };
    try {
      await channel.send(alert, jobId);
    } catch (error) {
      const final = isAmendsError(error, 'NOT_ALLOWED') || failures + 1 >= MOST_TRIES;
      // Of the error only its text: what was sent, and where to, may be nobody's business.
      const facts = { channel: name, rule: alert.rule, tries: failures + 1, error: (error as Error).message };
      this.#engine.log.error(
        facts,
        final ? 'an alert was not delivered, and is given up' : 'an alert was not delivered, will be tried again',
      );
      if (final) return { kind: 'failed', error: error as Error };
      return { kind: 'again', afterMs: Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures, 10), LONGEST_RETRY_MS), error: error as Error };
    }
    const attributes = { 'amends.alert.rule': alert.rule, 'amends.alert.kind': alert.kind };
    for (const instruments of this.#engine.telemetry.metrics.instruments) instruments.count('alerts', attributes);
    return { kind: 'done', value: null };
  }
}
