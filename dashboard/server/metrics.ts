import { PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics';
import type { RequestHandler } from 'express';
import type { Engine } from '../../src/producers/engine.ts';

/** A store that does not answer leaves out what only it knows: a scrape must not hang for it. */
const LONGEST_COLLECTION_MS = 3_000;

/** Collects when it is asked. */
class Scraped extends MetricReader {
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

/** One for each connection, however many serve it: each more would count everything once more. */
const readers = new WeakMap<Engine, Scraped>();

function readerOf(engine: Engine): Scraped {
  let reader = readers.get(engine);
  if (reader === undefined) {
    reader = new Scraped();
    engine.telemetry.metrics.attach(new MeterProvider({ readers: [reader] }));
    readers.set(engine, reader);
  }
  return reader;
}

/** The serializer leaves units out of names; Prometheus, and all else that turns ours into its names, has them there. */
function withUnits({ resource, scopeMetrics }: ResourceMetrics): ResourceMetrics {
  return {
    resource,
    scopeMetrics: scopeMetrics.map(({ scope, metrics }) => ({
      scope,
      metrics: metrics.map((metric) => {
        const { descriptor } = metric;
        return descriptor.unit === 's' ? { ...metric, descriptor: { ...descriptor, name: `${descriptor.name}.seconds` } } : metric;
      }),
    })),
  };
}

/** What this process has measured since it was opened, and what the store shows now, in the text format of Prometheus. */
export function metrics(engine: Engine): RequestHandler {
  const reader = readerOf(engine);
  const serializer = new PrometheusSerializer(undefined, false, undefined, true, true);
  return async (_request, response) => {
    const { resourceMetrics, errors } = await reader.collect({ timeoutMillis: LONGEST_COLLECTION_MS });
    for (const error of errors) engine.log.warn({ err: error }, 'metrics: a part of them is missing');
    response
      .type('text/plain; version=0.0.4; charset=utf-8')
      .set('Cache-Control', 'no-store')
      .send(serializer.serialize(withUnits(resourceMetrics)));
  };
}
