import type { Logger } from 'pino';
import { AmendsError } from '../errors.ts';
import type { StoreClock } from '../journal/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { EventData, TransactionEvent } from '../machine/event.ts';
import type { State } from '../machine/state.ts';
import type { QueueTelemetry } from '../queues/backend.ts';
import { measure } from './measured.ts';
import { Metrics, type MeterSource } from './metrics.ts';
import { Tracing, type TracerSource } from './tracing.ts';
import { logTransitions } from './transition-log.ts';

export interface TelemetryOptions {
  /** Spans of starts, attempts, waits and ends: to the OpenTelemetry SDK that is registered, to this provider, or (`false`) none. Default: the registered one. */
  readonly traces?: TracerSource | boolean;
  /** Measurements: the same choice. Default: the registered one. */
  readonly metrics?: MeterSource | boolean;
  /** Telemetry of BullMQ's own, which shows its queues and workers too: `new BullMQOtel({ tracerName: 'bullmq' })` of `bullmq-otel`. Default: none. */
  readonly queue?: QueueTelemetry;
}

export interface ResolvedTelemetryOptions {
  readonly traces: TracerSource | false | undefined;
  readonly metrics: MeterSource | false | undefined;
  readonly queue: QueueTelemetry | undefined;
}

function sourceOf<Source extends object>(
  name: string,
  given: Source | boolean | undefined,
  method: string,
  what: string,
): Source | false | undefined {
  if (given === false) return false;
  if (given === undefined || given === true) return undefined;
  if (typeof given === 'object' && given !== null && typeof (given as Record<string, unknown>)[method] === 'function') return given;
  throw new AmendsError('INVALID_OPTION', `telemetry.${name} is ${typeof given}: give ${what}, true for the registered one, or false`);
}

/** @throws {AmendsError} INVALID_OPTION */
export function resolveTelemetry(options: TelemetryOptions = {}): ResolvedTelemetryOptions {
  const { queue } = options;
  if (queue !== undefined && (typeof queue !== 'object' || queue.tracer === undefined || queue.contextManager === undefined)) {
    throw new AmendsError(
      'INVALID_OPTION',
      'telemetry.queue is not telemetry of BullMQ: give new BullMQOtel(…) of the package bullmq-otel',
    );
  }
  return {
    traces: sourceOf('traces', options.traces, 'getTracer', 'a TracerProvider of OpenTelemetry'),
    metrics: sourceOf('metrics', options.metrics, 'getMeter', 'a MeterProvider of OpenTelemetry'),
    queue,
  };
}

export interface TelemetrySources {
  readonly journal: Pick<Journal, 'read'>;
  readonly clock: StoreClock;
  readonly log: Logger;
}

/** What a connection tells of its transactions: spans, measurements and lines of its log. */
export class Telemetry {
  readonly tracing: Tracing;
  readonly metrics: Metrics;
  readonly #sources: TelemetrySources;
  readonly #listeners = new Set<(state: State, events: readonly TransactionEvent[]) => void>();

  private constructor(tracing: Tracing, metrics: Metrics, sources: TelemetrySources) {
    this.tracing = tracing;
    this.metrics = metrics;
    this.#sources = sources;
  }

  static async open({ traces, metrics }: ResolvedTelemetryOptions, sources: TelemetrySources): Promise<Telemetry> {
    return new Telemetry(await Tracing.open(traces), await Metrics.open(metrics), sources);
  }

  /** Has `listener` told of all that is recorded here; the result ends that. */
  listen(listener: (state: State, events: readonly TransactionEvent[]) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Tells of events that are in the journal now. Whatever goes wrong in that stays here: the transaction goes on. */
  recorded(before: State | undefined, state: State, events: readonly TransactionEvent[]): void {
    const { log, clock } = this.#sources;
    try {
      logTransitions(log, state, events);
      const { instruments } = this.metrics;
      if (instruments.length > 0) measure(instruments, state, before?.status === 'stuck', events, clock.nowMs());
      for (const listener of this.#listeners) listener(state, events);
      if (state.traceparent !== undefined && this.tracing.isOn) this.#mark(state, events);
    } catch (error) {
      log.warn({ err: error }, 'telemetry');
    }
  }

  /** What the trace shows beside attempts. */
  #mark(state: State, events: readonly TransactionEvent[]): void {
    for (const event of events) {
      switch (event.type) {
        case 'wait_ended':
          void this.#markWait(state, event.data);
          break;
        case 'attempt_lost': {
          const { step, attempt, jobLost } = event.data;
          const error = { name: jobLost === true ? 'JobLost' : 'WorkerLost', message: `attempt ${attempt} ended without a record` };
          const attributes = { 'amends.step': step, 'amends.attempt': attempt };
          this.tracing.mark({ name: `lost ${step}`, state, attributes, linkTo: state.steps[step]?.span, error });
          break;
        }
        case 'saga_turned': {
          const { turn } = event.data;
          const attributes = { 'amends.turn.reason': turn.kind, ...(turn.kind === 'step_failed' ? { 'amends.step': turn.step } : {}) };
          const error = turn.kind === 'step_failed' ? turn.error : undefined;
          this.tracing.mark({ name: `turn back ${state.saga}`, state, attributes, linkTo: state.lastSpan, error });
          break;
        }
        case 'saga_completed':
        case 'saga_compensated':
        case 'tcc_confirmed':
        case 'tcc_cancelled':
        case 'saga_terminated':
          this.#markEnd(state);
          break;
        default:
      }
    }
  }

  /** The whole transaction: a span as long as it took. */
  #markEnd(state: State): void {
    const { startedAtMs, turn, termination } = state;
    const failure =
      termination === undefined
        ? turn?.kind === 'step_failed'
          ? turn.error
          : undefined
        : { name: 'Terminated', message: 'by an operator' };
    this.tracing.mark({
      name: `${state.kind ?? 'saga'} ${state.saga}`,
      state,
      fromMs: startedAtMs === undefined ? undefined : this.#ownTimeMs(startedAtMs),
      attributes: { 'amends.outcome': state.status },
      linkTo: state.lastSpan,
      error: failure,
    });
  }

  async #markWait(state: State, { step, by }: EventData<'wait_ended'>): Promise<void> {
    try {
      // When it began is nowhere but in the journal.
      const history = await this.#sources.journal.read(state.id);
      const begun = history.findLast(({ event }) => event.type === 'step_issued' && event.data.step === step);
      this.tracing.mark({
        name: `wait ${step}`,
        state,
        fromMs: begun === undefined ? undefined : this.#ownTimeMs(begun.atMs),
        attributes: { 'amends.step': step, 'amends.wait.ended_by': by },
      });
    } catch (error) {
      this.#sources.log.debug({ err: error }, 'telemetry: a wait is not in its trace');
    }
  }

  /** Spans are dated by the clock of their process. */
  #ownTimeMs(storeMs: number): number {
    return storeMs - (this.#sources.clock.nowMs() - Date.now());
  }
}
