import type { Engine } from '../producers/engine.ts';
import type { Consumer, ConsumerOptions, Delivery, Verdict } from '../queues/queue-port.ts';
import { headlineOf, type AlertRule, type Finding } from '../telemetry/alerts/alert.ts';
import { follow, keyOf, limited, type OpenCase } from '../telemetry/alerts/cases.ts';
import type { ResolvedAlerts } from '../telemetry/alerts/options.ts';
import { AlertDeliveries } from './alert-deliveries.ts';
import { ALERTS, LOOK, lookMessage, NOTHING, type Look } from './alert-messages.ts';
import { AlertReports, type Report } from './alert-reports.ts';
import { isFailing } from './failing.ts';
import { failingFindings, lagFindings, stuckFindings } from './findings.ts';
import { QuietTransactions } from './quiet-transactions.ts';
import { Seldom } from './seldom.ts';
import type { StorePatience } from './store-patience.ts';

/** The job of the look is put back if it is gone, this often, in milliseconds. */
const ENSURE_MS = 15_000;
const WARN_AGAIN_MS = 60_000;

/**
 * Looks for what people should know, and tells them. The look is one job that is put off again and again: the queue gives it to one worker at a
 * time, and to another one when that is lost; what is open travels in the job, and so does what is to be told of it until it is on its way.
 */
export class AlertDuty {
  readonly #engine: Engine;
  readonly #options: ResolvedAlerts;
  readonly #patience: StorePatience;
  readonly #onError: (error: unknown) => void;
  readonly #reports: AlertReports;
  readonly #quiet: QuietTransactions;
  readonly #deliveries: AlertDeliveries;
  readonly #warned = new Seldom(WARN_AGAIN_MS);
  #consumer: Consumer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #stopListening: (() => void) | undefined;

  constructor(engine: Engine, options: ResolvedAlerts, patience: StorePatience, onError: (error: unknown) => void) {
    this.#engine = engine;
    this.#options = options;
    this.#patience = patience;
    this.#onError = onError;
    this.#reports = new AlertReports(engine, options.rules, onError);
    this.#quiet = new QuietTransactions(engine, options.rules);
    this.#deliveries = new AlertDeliveries(engine, options.channels);
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

  async start(limits: Pick<ConsumerOptions, 'lockMs' | 'stallCheckMs'>): Promise<void> {
    const options = { ...limits, onError: this.#onError };
    this.#stopListening = this.#engine.telemetry.listen((state, events) => this.#reports.watch(state, events));
    await this.#deliveries.start(options);
    this.#consumer = await this.#engine.queues.plain.consume(ALERTS, (delivery) => this.#handle(delivery), { concurrency: 1, ...options });
    await this.#ensure();
    this.#timer = setInterval(() => void this.#ensure().catch(this.#onError), ENSURE_MS).unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopListening?.();
    const reported = this.#patience.wait(this.#reports.close()).catch(this.#onError);
    await Promise.all([reported, this.#consumer?.close(), this.#deliveries.close()]);
  }

  /** It is being closed, and can't wait any longer for channels. */
  giveUp(): void {
    this.#deliveries.giveUp();
  }

  #ensure(): Promise<void> {
    return this.#engine.queues.plain.add({ queue: ALERTS, jobId: LOOK, name: LOOK, message: NOTHING });
  }

  async #handle({ jobId, data }: Delivery): Promise<Verdict> {
    if (jobId !== LOOK) return { kind: 'failed', error: new Error('this job is no look for alerts of Amends, so it is parked') };
    const { everyMs } = this.#options;
    // What another version has left, or somebody else has written, is no reason to look no more.
    const last = lookMessage.safeParse(data).data ?? NOTHING;
    try {
      return await this.#patience.wait(this.#goOn(last));
    } catch (error) {
      this.#warn('look', error);
      return { kind: 'postpone', afterMs: everyMs }; // BullMQ would put it off ever longer
    }
  }

  /** What a look has found is kept before it is told. Whoever takes the job then tells it, perhaps for the second time, and never under another id. */
  async #goOn(last: Look): Promise<Verdict> {
    const { everyMs } = this.#options;
    if (last.telling.length > 0) {
      for (const one of last.telling) await this.#deliveries.add(one);
      return { kind: 'postpone', afterMs: everyMs, keep: { ...last, telling: [] } };
    }
    const { next, isBehind } = await this.#look(last);
    return { kind: 'postpone', afterMs: isBehind || next.telling.length > 0 ? 1 : everyMs, keep: next };
  }

  async #look({ cases, read, places }: Look): Promise<{ readonly next: Look; readonly isBehind: boolean }> {
    const { clock, log, namespace } = this.#engine;
    await this.#reports.discard(read);
    const { reports, isBehind } = await this.#reports.read();
    const found = await this.#findings(Object.values(cases), places);
    const findings = limited(cases, [...found.findings, ...reports.flatMap(({ finding }) => finding ?? [])]);
    const { repeatAfterMs, quietMs } = this.#options;
    const followed = follow(cases, findings, { nowMs: clock.nowMs(), repeatAfterMs, quietMs, namespace });
    for (const { alert } of followed.alerts) {
      log.warn({ rule: alert.rule, kind: alert.kind, transaction: alert.transaction }, headlineOf(alert));
    }
    // One that opens a case goes when that is kept. Of the others nothing is lost: what they tell is known, or told again while it lasts.
    const isNews = ({ finding }: Report): boolean => {
      const key = finding === undefined ? '' : keyOf(finding);
      return Object.hasOwn(followed.cases, key) && !Object.hasOwn(cases, key);
    };
    await this.#reports.discard(reports.filter((one) => !isNews(one)).map(({ jobId }) => jobId));
    const kept = reports.filter(isNews).map(({ jobId }) => jobId);
    return { next: { kind: 'look', cases: followed.cases, telling: [...followed.alerts], read: kept, places: found.places }, isBehind };
  }

  async #findings(open: readonly OpenCase[], from: Look['places']): Promise<{ findings: readonly Finding[]; places: Look['places'] }> {
    const { on } = this.#options.rules;
    const engine = this.#engine;
    const of = (...rules: readonly AlertRule[]) => open.filter(({ rule }) => on.has(rule) && rules.includes(rule));
    const findings: Finding[] = [];
    let places = from;
    /** What can't be looked at is taken to be as it was. */
    const look = async (what: string, cases: readonly OpenCase[], find: () => Promise<readonly Finding[]>): Promise<void> => {
      try {
        findings.push(...(await find()));
      } catch (error) {
        this.#warn(what, error);
        findings.push(...cases);
      }
    };
    if (on.has('stuck')) await look('stuck', of('stuck'), () => stuckFindings(engine, of('stuck')));
    const failing = of('overdue', 'compensationFailing').filter(isFailing);
    if (failing.length > 0) await look('failing', failing, () => failingFindings(engine, failing));
    if (on.has('overdue') || on.has('noWorker') || on.has('compensationFailing')) {
      const quiet = of('overdue', 'noWorker').filter((one) => !isFailing(one));
      await look('overdue', quiet, async () => {
        const looked = await this.#quiet.look(quiet, from);
        for (const error of looked.errors) this.#warn('overdue', error);
        ({ places } = looked);
        return looked.findings;
      });
    }
    if (on.has('lag')) await look('lag', of('lag'), () => lagFindings(engine, this.#options.rules));
    return { findings, places };
  }

  #warn(what: string, error: unknown): void {
    if (this.#warned.isNews(what))
      this.#engine.log.warn({ err: error, what }, 'could not look for all that people should know, will look again');
  }
}
