import { SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';
import { BullMQOtel } from 'bullmq-otel';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { StepFailed } from '../../src/errors.ts';
import { saga } from '../../src/flows/saga.ts';
import { signal } from '../../src/flows/signal.ts';
import { checkoutTcc } from '../engine/tcc-fixture.ts';
import { connectTo, namedStep, OrderInput, orderSaga, useBench } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { useSpans } from './spans.ts';

const approval = signal({ name: 'approval', data: z.object({ by: z.string() }) });

/** Runs work in a span of the application's own. */
function inSpan<T>(name: string, work: (span: Span) => Promise<T>): Promise<T> {
  return trace.getTracer('app').startActiveSpan(name, async (span) => {
    try {
      return await work(span);
    } finally {
      span.end();
    }
  });
}

describe.each(STORE_KINDS)('tracing on %s', (kind) => {
  const bench = useBench(kind);
  const spans = useSpans();

  /** All there is belongs to the trace of the caller's span. */
  function expectOneTrace(caller: Span): void {
    const { traceId } = caller.spanContext();
    expect(spans.all.filter((span) => span.spanContext().traceId !== traceId).map(({ name }) => name)).toEqual([]);
  }

  test('one trace: the caller, the start, each attempt below it and linked to the one before, the end', async () => {
    let calls = 0;
    const order = orderSaga(bench.ledger, {
      charge_card: {
        run() {
          if (++calls < 3) throw Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' });
        },
      },
    });
    await bench.work([order]);
    const caller = await inSpan('POST /orders', async (span) => {
      const run = await bench.amends.start(order, { order: 'o-1' }, { id: `t-${bench.store.namespace}` });
      expect((await run.outcome()).status).toBe('completed');
      return span;
    });
    await eventually(() => expect(spans.named('saga order')).toHaveLength(1));
    expectOneTrace(caller);

    const [start] = spans.named('start order');
    expect(spans.parentOf(start!)).toBe('POST /orders');
    expect(start).toMatchObject({ kind: SpanKind.PRODUCER });
    const attempts = spans.all.filter(({ name }) => name.startsWith('run '));
    expect(attempts.map(({ name, attributes }) => `${name} ${String(attributes['amends.attempt'])}`)).toEqual([
      'run reserve_stock 1',
      'run charge_card 1',
      'run charge_card 2',
      'run charge_card 3',
      'run create_shipment 1',
      'run send_mail 1',
    ]);
    expect(attempts.map((span) => spans.parentOf(span))).toEqual(attempts.map(() => 'start order'));
    const [reserve, ...charges] = attempts;
    expect(spans.linksOf(charges[0]!)).toEqual(['run reserve_stock']);
    expect(charges[1]!.links[0]!.context.spanId).toBe(charges[0]!.spanContext().spanId);
    expect(charges[2]!.links[0]!.context.spanId).toBe(charges[1]!.spanContext().spanId);
    expect(reserve).toMatchObject({
      kind: SpanKind.CONSUMER,
      status: { code: SpanStatusCode.UNSET },
      attributes: {
        'messaging.system': 'bullmq',
        'messaging.operation.type': 'process',
        'messaging.operation.name': 'run',
        'messaging.destination.name': 'saga-order',
        'amends.transaction.id': `t-${bench.store.namespace}`,
        'amends.saga': 'order',
        'amends.saga.version': 1,
        'amends.kind': 'saga',
        'amends.step': 'reserve_stock',
        'amends.operation': 'run',
        'amends.attempt.outcome': 'succeeded',
      },
    });
    expect(charges[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'no answer' },
      attributes: { 'error.type': 'ETIMEDOUT', 'amends.attempt.outcome': 'failed' },
    });
    expect(charges[0]!.events.map(({ name, attributes }) => [name, attributes?.['exception.message']])).toEqual([
      ['exception', 'no answer'],
    ]);
    const [end] = spans.named('saga order');
    expect(end).toMatchObject({ attributes: { 'amends.outcome': 'completed' } });
    const [from, to] = [end!.startTime, end!.endTime].map(([seconds, nanos]) => seconds * 1_000 + nanos / 1e6);
    const [firstFrom] = [reserve!.startTime].map(([seconds, nanos]) => seconds * 1_000 + nanos / 1e6);
    expect(from! - firstFrom!).toBeLessThan(1_000); // it spans the whole of it, by clocks that differ a little
    expect(to! - from!).toBeGreaterThan(0);
  });

  test("the attempt's span is active in the action: what it calls nests, also after an await", async () => {
    const order = orderSaga(bench.ledger, {
      charge_card: {
        async run() {
          await Promise.resolve();
          await inSpan('POST /charges', () => Promise.resolve());
        },
      },
    });
    await bench.work([order]);
    await (await bench.amends.start(order, { order: 'o' })).outcome();
    const [call] = spans.named('POST /charges');
    expect(spans.parentOf(call!)).toBe('run charge_card');
  });

  test('a turn and its compensations are in the trace, with the error that turned it', async () => {
    const order = orderSaga(bench.ledger, {
      create_shipment: {
        run() {
          throw new StepFailed('no carrier');
        },
      },
    });
    await bench.work([order]);
    const caller = await inSpan('caller', async (span) => {
      expect((await (await bench.amends.start(order, { order: 'o' })).outcome()).status).toBe('compensated');
      return span;
    });
    await eventually(() => expect(spans.named('saga order')).toHaveLength(1));
    expectOneTrace(caller);
    expect(spans.all.filter(({ name }) => name.startsWith('compensate ')).map(({ name }) => name)).toEqual([
      'compensate charge_card',
      'compensate reserve_stock',
    ]);
    const [undo] = spans.named('compensate charge_card');
    expect(spans.linksOf(undo!)).toEqual(['run charge_card', 'run create_shipment']);
    expect(spans.named('turn back order')[0]).toMatchObject({ status: { code: SpanStatusCode.ERROR, message: 'no carrier' } });
    expect(spans.named('saga order')[0]).toMatchObject({
      status: { code: SpanStatusCode.ERROR, message: 'no carrier' },
      attributes: { 'amends.outcome': 'compensated' },
    });
  });

  test('a TCC: tries, confirms, the end', async () => {
    const checkout = checkoutTcc(bench.ledger);
    await bench.work([checkout]);
    const caller = await inSpan('caller', async (span) => {
      expect((await (await bench.amends.start(checkout, { order: 'o' })).outcome()).status).toBe('confirmed');
      return span;
    });
    await eventually(() => expect(spans.named('tcc checkout')).toHaveLength(1));
    expectOneTrace(caller);
    const operations = spans.all.filter(({ kind }) => kind === SpanKind.CONSUMER).map(({ name }) => name);
    expect(operations.toSorted()).toEqual(['confirm credit', 'confirm stock', 'try credit', 'try stock']);
  });

  test('a wait is a span as long as it lasted', async () => {
    const approved = saga({ name: 'approved', version: 1, input: OrderInput })
      .step(namedStep('reserve_stock', bench.ledger), ({ input }) => input)
      .waitFor(approval)
      .step(namedStep('charge_card', bench.ledger), ({ input }) => input);
    await bench.work([approved]);
    const run = await bench.amends.start(approved, { order: 'o' });
    await eventually(async () => expect((await run.view()).status).toBe('waiting'));
    await run.signal(approval, { by: 'ann' });
    await run.outcome();
    const wait = await eventually(() => {
      const [span] = spans.named('wait approval');
      expect(span).toBeDefined();
      return span!;
    });
    expect(wait.attributes).toMatchObject({ 'amends.step': 'approval', 'amends.wait.ended_by': 'signal' });
    expect(spans.parentOf(wait)).toBe('start approved');
  });

  test('without an SDK nothing is made and nothing stored', async () => {
    trace.disable();
    const order = orderSaga(bench.ledger);
    await bench.work([order]);
    const run = await bench.amends.start(order, { order: 'o' });
    await run.outcome();
    expect(spans.all).toEqual([]);
    expect(JSON.stringify(await run.history())).not.toMatch(/traceparent|"span"/);
  });

  test('telemetry.traces false makes none; what is no provider is refused', async () => {
    if (kind === 'embedded') return; // one process, one connection
    await using silent = await connectTo(bench.store, { telemetry: { traces: false } });
    const order = orderSaga(bench.ledger);
    await silent.worker({ sagas: [order] }).run();
    await (await silent.start(order, { order: 'o' })).outcome();
    expect(spans.all).toEqual([]);
    await expect(connectTo(bench.store, { telemetry: { traces: {} as never } })).rejects.toThrow(/telemetry\.traces is object/);
    await expect(connectTo(bench.store, { telemetry: { queue: {} as never } })).rejects.toThrow(/telemetry\.queue/);
  });

  test("with BullMQ's own telemetry its spans are in the same trace, around the attempts", async () => {
    if (kind === 'embedded') return;
    const queue = new BullMQOtel({ tracerName: 'bullmq' });
    await using amends = await connectTo(bench.store, { telemetry: { queue } });
    // Queues of its own: nothing that an earlier test has left is delivered here.
    const order = saga({ name: 'queued', version: 1, input: OrderInput })
      .step(namedStep('reserve_stock', bench.ledger), ({ input }) => input)
      .step(namedStep('charge_card', bench.ledger, { run: () => Promise.reject(new StepFailed('declined')) }), ({ input }) => input);
    await amends.worker({ sagas: [order], lockMs: 2_000, stallCheckMs: 1_000 }).run();
    const caller = await inSpan('caller', async (span) => {
      expect((await (await amends.start(order, { order: 'o' })).outcome()).status).toBe('compensated');
      return span;
    });
    await eventually(() => expect(spans.named('saga queued')).toHaveLength(1));
    const { traceId } = caller.spanContext();
    // BullMQ ends its spans after ours: the two steps, the undo, and the root.
    const processed = () => spans.all.filter(({ name }) => name.startsWith('process '));
    await eventually(() => expect(processed().length).toBeGreaterThanOrEqual(4));
    // Looks of the worker at its queue belong to no job.
    const jobs = spans.all.filter(({ name }) => /^(?:run|compensate|process|start |saga|turn)/.test(name));
    expect(jobs.filter((span) => span.spanContext().traceId !== traceId).map(({ name }) => name)).toEqual([]);
    const [attempt] = spans.named('run reserve_stock');
    expect(spans.parentOf(attempt!)).toMatch(/^process .*saga-queued/);
  });
});
