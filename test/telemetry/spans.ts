import {
  context,
  propagation,
  trace,
  type Context,
  type TextMapGetter,
  type TextMapPropagator,
  type TextMapSetter,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor, type ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { afterEach, beforeEach } from 'vitest';
import { spanContextOf, traceparentOf } from '../../src/telemetry/trace-context.ts';

/** What every SDK registers by default. */
class W3CPropagator implements TextMapPropagator {
  inject(from: Context, carrier: unknown, setter: TextMapSetter): void {
    const spanContext = trace.getSpanContext(from);
    if (spanContext !== undefined) setter.set(carrier, 'traceparent', traceparentOf(spanContext));
  }

  extract(into: Context, carrier: unknown, getter: TextMapGetter): Context {
    const spanContext = spanContextOf(String(getter.get(carrier, 'traceparent')));
    return spanContext === undefined ? into : trace.setSpanContext(into, spanContext);
  }

  fields(): string[] {
    return ['traceparent'];
  }
}

/** An application's SDK, as far as it concerns a test. */
export function registerSdk(provider: BasicTracerProvider): void {
  trace.setGlobalTracerProvider(provider);
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CPropagator());
}

export function unregisterSdk(): void {
  trace.disable();
  context.disable();
  propagation.disable();
}

/** The spans that were ended in a test. */
export interface Spans {
  readonly all: readonly ReadableSpan[];
  named(name: string): readonly ReadableSpan[];
  /** Resolves the name of a span's parent. */
  parentOf(span: ReadableSpan): string | undefined;
  linksOf(span: ReadableSpan): readonly string[];
}

/** Registers an SDK for each test of the suite that it is called in. */
export function useSpans(): Spans {
  const exporter = new InMemorySpanExporter();
  beforeEach(() => {
    exporter.reset();
    registerSdk(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  });
  afterEach(unregisterSdk);
  const nameOf = (id: string | undefined): string | undefined =>
    exporter.getFinishedSpans().find((span) => span.spanContext().spanId === id)?.name;
  return {
    get all() {
      return exporter.getFinishedSpans();
    },
    named: (name) => exporter.getFinishedSpans().filter((span) => span.name === name),
    parentOf: (span) => nameOf(span.parentSpanContext?.spanId),
    linksOf: (span) => span.links.map(({ context }) => nameOf(context.spanId) ?? context.spanId),
  };
}
