import type { Attributes, Context, Link, Span, SpanContext, Tracer, TracerProvider } from '@opentelemetry/api';
import type { ErrorData, State } from '../machine/state.ts';
import { spanContextOf, traceparentOf } from './trace-context.ts';

type Api = typeof import('@opentelemetry/api');

/** What gives tracers: a `TracerProvider` of OpenTelemetry is one. */
export interface TracerSource {
  getTracer(name: string, version?: string): unknown;
}

/** An attempt that is about to be made. */
export interface TracedAttempt {
  readonly state: State;
  readonly step: string;
  /** In the words of its kind: run, compensate, try, confirm, cancel, renew. */
  readonly operation: string;
  readonly attempt: number;
  readonly queue: string;
  readonly jobId: string;
}

/** The span of an attempt. */
export interface AttemptSpan {
  /** For the journal, so that what follows can link to it. */
  readonly id: string;
  /** Runs the attempt's code with the span active: what it calls nests. */
  run<T>(work: () => T): T;
  /** @param outcome `succeeded`, `failed`, or `given up` for another worker */
  end(outcome: string, error?: ErrorData): void;
}

/** A start that is about to be journaled. */
export interface TracedStart {
  readonly id: string;
  readonly saga: string;
  readonly kind: 'saga' | 'tcc';
  readonly version: number;
  /** On whose behalf, where no span is active: of the event that is being handled. */
  readonly parent: string | undefined;
}

/** Something to show in the trace beside the attempts. */
export interface TracedMark {
  readonly name: string;
  readonly state: State;
  /** Milliseconds since the epoch by this process's clock. Default: now. */
  readonly fromMs?: number | undefined;
  readonly attributes?: Attributes;
  readonly linkTo?: string | undefined;
  readonly error?: ErrorData | undefined;
}

const NAME = 'amends';

function failSpan(api: Api, span: Span, { name, message, stack, code }: ErrorData): void {
  span.recordException({ name, message, ...(stack === undefined ? {} : { stack }) });
  span.setAttribute('error.type', code ?? name);
  span.setStatus({ code: api.SpanStatusCode.ERROR, message });
}

function aboutTransaction({ id, saga, definitionVersion, kind }: State): Attributes {
  return {
    'amends.transaction.id': id,
    'amends.saga': saga,
    'amends.saga.version': definitionVersion,
    'amends.kind': kind ?? 'saga',
  };
}

/**
 * The spans of transactions. All of one transaction are in one trace, whichever process they come from: the context of its start is in the
 * journal. Where `@opentelemetry/api` is not installed, or no SDK is registered, nothing is made.
 */
export class Tracing {
  readonly #api: Api | undefined;
  readonly #given: TracerProvider | undefined;
  #delegate: unknown;
  #tracer: Tracer | undefined;

  private constructor(api: Api | undefined, given: TracerSource | undefined) {
    this.#api = api;
    this.#given = given as TracerProvider | undefined;
  }

  /** @param source `undefined`: what the application registers; `false`: none */
  static async open(source: TracerSource | false | undefined): Promise<Tracing> {
    if (source === false) return new Tracing(undefined, undefined);
    return new Tracing(await import('@opentelemetry/api').catch(() => undefined), source);
  }

  /** An application may register its SDK after it has connected, and a test another one: looked at each time, which costs nanoseconds. */
  get #active(): Tracer | undefined {
    if (this.#api === undefined) return undefined;
    const provider = this.#given ?? this.#api.trace.getTracerProvider();
    const proxy = provider instanceof this.#api.ProxyTracerProvider ? provider : undefined;
    const delegate = proxy === undefined ? provider : proxy.getDelegate();
    if (delegate === this.#delegate) return this.#tracer;
    this.#delegate = delegate;
    // Nothing registered: a proxy has no tracer to pass on to.
    this.#tracer = proxy === undefined ? provider.getTracer(NAME) : proxy.getDelegateTracer(NAME);
    return this.#tracer;
  }

  get isOn(): boolean {
    return this.#active !== undefined;
  }

  /** Runs a start in a span of its own, below the caller's. `work` gets what belongs into the journal, and tells whether it began anything. */
  start(about: TracedStart, work: (traceparent: string | undefined) => Promise<boolean>): Promise<boolean> {
    const tracer = this.#active;
    return tracer === undefined ? work(undefined) : this.#tracedStart(tracer, about, work);
  }

  async #tracedStart(tracer: Tracer, about: TracedStart, work: (traceparent: string | undefined) => Promise<boolean>): Promise<boolean> {
    const { context, trace, SpanKind } = this.#api!;
    let active = context.active();
    const given = about.parent === undefined ? undefined : spanContextOf(about.parent);
    if (trace.getSpanContext(active) === undefined && given !== undefined) active = trace.setSpanContext(active, given);
    const attributes: Attributes = {
      'messaging.system': 'bullmq',
      'messaging.operation.name': 'start',
      'messaging.operation.type': 'send',
      'amends.transaction.id': about.id,
      'amends.saga': about.saga,
      'amends.saga.version': about.version,
      'amends.kind': about.kind,
    };
    const span = tracer.startSpan(`start ${about.saga}`, { kind: SpanKind.PRODUCER, attributes }, active);
    try {
      const created = await context.with(trace.setSpan(active, span), () => work(traceparentOf(span.spanContext())));
      // Started before, perhaps by somebody else: the transaction belongs to the trace of that start.
      if (!created) span.setAttribute('amends.started_before', true);
      return created;
    } catch (error) {
      failSpan(this.#api!, span, error as Error);
      throw error;
    } finally {
      span.end();
    }
  }

  /** `undefined`: nothing is traced. */
  attempt({ state, step, operation, attempt, queue, jobId }: TracedAttempt): AttemptSpan | undefined {
    const tracer = this.#active;
    if (tracer === undefined) return undefined;
    const api = this.#api!;
    const parent = this.#within(state);
    const before = state.steps[step]?.span;
    const links = [...new Set([before, state.lastSpan])].flatMap((id) =>
      this.#linkTo(state, id, id === before ? 'predecessor' : 'previous'),
    );
    const attributes: Attributes = {
      ...aboutTransaction(state),
      'messaging.system': 'bullmq',
      'messaging.operation.name': operation,
      'messaging.operation.type': 'process',
      'messaging.destination.name': queue,
      'messaging.message.id': jobId,
      'amends.step': step,
      'amends.operation': operation,
      'amends.attempt': attempt,
    };
    const span = tracer.startSpan(`${operation} ${step}`, { kind: api.SpanKind.CONSUMER, attributes, links }, parent);
    return {
      id: span.spanContext().spanId,
      run: (work) => api.context.with(api.trace.setSpan(parent, span), work),
      end(outcome, error) {
        span.setAttribute('amends.attempt.outcome', outcome);
        if (error !== undefined) failSpan(api, span, error);
        span.end();
      },
    };
  }

  /** Shows something that no attempt shows: a wait, a turn, a loss, the end. */
  mark({ name, state, fromMs, attributes, linkTo, error }: TracedMark): void {
    const tracer = this.#active;
    if (tracer === undefined || state.traceparent === undefined) return;
    const span = tracer.startSpan(
      name,
      {
        kind: this.#api!.SpanKind.INTERNAL,
        attributes: { ...aboutTransaction(state), ...attributes },
        links: this.#linkTo(state, linkTo, 'predecessor'),
        ...(fromMs === undefined ? {} : { startTime: fromMs }),
      },
      this.#contextOf(state),
    );
    if (error !== undefined) failSpan(this.#api!, span, error);
    span.end();
  }

  /** Has the context of a transaction active during `work`, so that jobs which are put back belong to its trace. */
  within<T>(state: State, work: () => T): T {
    if (this.#active === undefined || state.traceparent === undefined) return work();
    return this.#api!.context.with(this.#contextOf(state), work);
  }

  #contextOf({ traceparent }: State): Context {
    const { trace, ROOT_CONTEXT } = this.#api!;
    const started = traceparent === undefined ? undefined : spanContextOf(traceparent);
    return started === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, started);
  }

  /** What a span of this transaction is below: a span of its trace that is active (BullMQ's own, when that is traced too), else its start. */
  #within(state: State): Context {
    const { context, trace } = this.#api!;
    const active = context.active();
    const traceId = trace.getSpanContext(active)?.traceId;
    if (traceId !== undefined && traceId === spanContextOf(state.traceparent ?? '')?.traceId) return active;
    return this.#contextOf(state);
  }

  #linkTo({ traceparent }: State, spanId: string | undefined, relation: string): Link[] {
    const started = spanId === undefined || traceparent === undefined ? undefined : spanContextOf(traceparent);
    if (started === undefined) return [];
    const context: SpanContext = { ...started, spanId: spanId! };
    return [{ context, attributes: { 'amends.relation': relation } }];
  }
}
