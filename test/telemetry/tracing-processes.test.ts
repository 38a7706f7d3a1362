import { trace } from '@opentelemetry/api';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { useErrands } from '../faults/processes/errands.ts';
import { eventually } from '../support/eventually.ts';
import { exportSpansTo, otlpReceiver, type OtlpReceiver, type OtlpSpan } from './otlp.ts';
import { unregisterSdk } from './spans.ts';

const LIMITS = { lockMs: 1_000, stallCheckMs: 500, graceMs: 20 };

function attributeOf({ attributes }: OtlpSpan, key: string): unknown {
  return Object.values(attributes.find((one) => one.key === key)?.value ?? {})[0];
}

describe.each(['redis', 'postgres'] as const)('a trace over processes on %s', (kind) => {
  const errands = useErrands(kind);
  let receiver: OtlpReceiver;
  beforeEach(async () => {
    receiver = await otlpReceiver();
    exportSpansTo(receiver.url);
  });
  afterEach(async () => {
    unregisterSdk();
    await receiver.close();
  });

  test('two workers, the first one killed in the middle of an attempt: one trace, at a collector', { timeout: 90_000 }, async () => {
    const env = { SPANS_URL: receiver.url };
    const first = await errands.hire({ env, conducts: { work: { kind: 'wait', heeds: false } } }, LIMITS);
    const run = await trace.getTracer('shop').startActiveSpan('POST /errands', async (span) => {
      const started = await errands.bench.amends.start(errands.saga(), { errand: 'e' });
      span.end();
      return started;
    });
    await first.hear('begun', 'work');
    await eventually(() => expect(receiver.spans.map(({ name }) => name)).toContain('run prepare'));
    await first.kill();
    await errands.hire({ env }, LIMITS);
    expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');

    await eventually(() => expect(receiver.spans.map(({ name }) => name)).toEqual(expect.arrayContaining(['saga errand', 'run finish'])));
    const { spans } = receiver;
    expect(new Set(spans.map(({ traceId }) => traceId)).size).toBe(1);
    const named = (name: string): OtlpSpan => spans.find((span) => span.name === name)!;
    expect(named('start errand').parentSpanId).toBe(named('POST /errands').spanId);
    const attempts = spans.filter(({ name }) => name.startsWith('run '));
    // The one that was killed is told of by the one that found it lost.
    expect(attempts.map((span) => `${span.name} ${String(attributeOf(span, 'amends.attempt'))}`)).toEqual([
      'run prepare 1',
      'run work 2',
      'run finish 1',
    ]);
    expect(attempts.map(({ parentSpanId }) => parentSpanId)).toEqual(attempts.map(() => named('start errand').spanId));
    expect(named('run work').links?.map(({ spanId }) => spanId)).toContain(named('run prepare').spanId);
    expect(named('lost work').status.code).toBe(2);
    expect(attributeOf(named('saga errand'), 'amends.outcome')).toBe('completed');
  });
});
