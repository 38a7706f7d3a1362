import { isAmendsError } from '../errors.ts';
import type { Engine } from '../producers/engine.ts';
import type { Consumer, ConsumerOptions, Delivery, Verdict } from '../queues/queue-port.ts';
import type { Alert } from '../telemetry/alerts/alert.ts';
import type { ReadyChannel } from '../telemetry/alerts/channels.ts';
import { deliveryMessage, DELIVERIES, type DeliveryMessage, type Look } from './alert-messages.ts';

const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 300_000;
/** With these pauses that is a day and a half. */
const MOST_TRIES = 400;
/** And that an hour: what is answered so is seldom answered differently later, but a name or a proxy may have been wrong for a moment. */
const MOST_REFUSED_TRIES = 20;
const LONGEST_WAIT_MS = 36 * 3_600_000;
const CONCURRENCY = 20;
/** A channel that does not answer holds up no other one. */
const MOST_OF_A_CHANNEL = 4;
const TURN_MS = 500;

/** Brings alerts to channels: each alert to each channel is a job. */
export class AlertDeliveries {
  readonly #engine: Engine;
  readonly #channels: readonly ReadyChannel[];
  readonly #sending = new Map<string, number>();
  readonly #interrupts = new Set<() => void>();
  #consumer: Consumer | undefined;
  #isGivenUp = false;

  constructor(engine: Engine, channels: readonly ReadyChannel[]) {
    this.#engine = engine;
    this.#channels = channels;
  }

  /** To all channels. Adding one twice is harmless. */
  async add({ alert, number }: Look['telling'][number]): Promise<void> {
    for (const { name: channel } of this.#channels) {
      const message: DeliveryMessage = { kind: 'deliver', channel, alert };
      const jobId = `alert.${alert.caseId}.${number}-${channel}`;
      await this.#engine.queues.plain.add({ queue: DELIVERIES, jobId, name: `${alert.kind} ${alert.rule}`, message });
    }
  }

  async start(options: Omit<ConsumerOptions, 'concurrency'>): Promise<void> {
    this.#consumer = await this.#engine.queues.plain.consume(DELIVERIES, (delivery) => this.#handle(delivery), {
      concurrency: CONCURRENCY,
      ...options,
    });
  }

  async close(): Promise<void> {
    await this.#consumer?.close();
  }

  /** What is being sent is left to another worker, which may send it again. */
  giveUp(): void {
    this.#isGivenUp = true;
    for (const interrupt of this.#interrupts) interrupt();
  }

  async #handle(delivery: Delivery): Promise<Verdict> {
    const { data } = deliveryMessage.safeParse(delivery.data);
    if (data === undefined) return { kind: 'failed', error: new Error('this job is no alert of Amends, so it is parked') };
    const channel = this.#channels.find(({ name }) => name === data.channel);
    if (channel === undefined) return this.#nobodys(data);
    const sending = this.#sending.get(channel.name) ?? 0;
    if (sending >= MOST_OF_A_CHANNEL) return { kind: 'postpone', afterMs: TURN_MS };
    this.#sending.set(channel.name, sending + 1);
    try {
      return await this.#deliver(channel, data.alert, delivery);
    } finally {
      this.#sending.set(channel.name, this.#sending.get(channel.name)! - 1);
    }
  }

  async #deliver(channel: ReadyChannel, alert: Alert, { jobId, failures }: Delivery): Promise<Verdict> {
    try {
      if (!(await this.#isSent(channel, alert, jobId))) return { kind: 'postpone', afterMs: 1 };
    } catch (error) {
      const tries = failures + 1;
      const final = tries >= mostTries(error);
      // Of the error only its text: what was sent, and where to, may be nobody's business.
      const facts = { channel: channel.name, rule: alert.rule, tries, error: (error as Error).message };
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

  /** `false`: it was given up, and nobody knows whether it arrived. */
  #isSent(channel: ReadyChannel, alert: Alert, jobId: string): Promise<boolean> {
    if (this.#isGivenUp) return Promise.resolve(false);
    return new Promise<boolean>((resolve, reject) => {
      const interrupt = (): void => resolve(false);
      this.#interrupts.add(interrupt);
      channel
        .send(alert, { id: jobId, atMs: this.#engine.clock.nowMs() })
        .then(() => resolve(true), reject)
        .finally(() => this.#interrupts.delete(interrupt));
    });
  }

  /** For a worker that has the channel, ever more rarely: it may have been removed. */
  #nobodys({ channel, alert }: DeliveryMessage): Verdict {
    const ageMs = this.#engine.clock.nowMs() - alert.atMs;
    if (ageMs < LONGEST_WAIT_MS) {
      const afterMs = Math.min(Math.max(ageMs / 4, 5_000), LONGEST_RETRY_MS);
      return { kind: 'postpone', afterMs: Math.round(afterMs), why: `waits for a worker that has channel "${channel}"` };
    }
    this.#engine.log.error({ channel, rule: alert.rule }, 'an alert was not delivered, and is given up: no worker has its channel');
    return { kind: 'failed', error: new Error(`no worker has channel "${channel}"`) };
  }
}

function mostTries(error: unknown): number {
  if (!isAmendsError(error, 'NOT_ALLOWED')) return MOST_TRIES;
  return error.details['isFinal'] === true ? 1 : MOST_REFUSED_TRIES;
}
