import { createWriteStream } from 'node:fs';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { pino } from 'pino';
import type { ConnectOptions } from 'amends';

/** What is watched: nothing at all, or one thing. */
export type Observed = 'off' | 'metrics' | 'traces' | 'logs';

class Scraped extends MetricReader {
  protected onShutdown(): Promise<void> {
    return Promise.resolve();
  }

  protected onForceFlush(): Promise<void> {
    return Promise.resolve();
  }
}

const none = { traces: false, metrics: false } as const;

function scraped(): MeterProvider {
  const reader = new Scraped();
  // As often as a server of Prometheus that is set to the second.
  setInterval(() => void reader.collect(), 1_000).unref();
  return new MeterProvider({ readers: [reader] });
}

/** Batches that go nowhere: what leaves the process is the exporter's cost. */
function traced(): BasicTracerProvider {
  const exporter = {
    export: (_spans: unknown, done: (result: { code: number }) => void) => done({ code: 0 }),
    shutdown: () => Promise.resolve(),
  };
  return new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
}

export function observedBy(what: Observed): ConnectOptions {
  switch (what) {
    case 'off':
      return { telemetry: none };
    case 'metrics':
      return { telemetry: { ...none, metrics: scraped() } };
    case 'traces':
      return { telemetry: { ...none, traces: traced() } };
    case 'logs':
      return { telemetry: none, logger: pino({ level: 'info' }, createWriteStream('/dev/null')) };
  }
}
