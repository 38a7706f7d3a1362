import { Redis } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { eventStream } from 'amends';
import { engineOf } from '../../src/amends.ts';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import { implement } from '../../src/flows/implement.ts';
import { saga } from '../../src/flows/saga.ts';
import { step } from '../../src/flows/step.ts';
import type { SagaRun } from '../../src/producers/run.ts';
import type { AlertOptions } from '../../src/telemetry/alerts/options.ts';
import { startedOf, connectTo, namedStep, OrderInput, orderSaga, useBench } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { alertSink, httpServer, SECRET, type Sink } from './sink.ts';

const QUICK = { everyMs: 100, quietMs: 300 };
const UNTIL = { timeoutMs: 20_000 };

/** Stuck at once, until `mended` says otherwise. */
function stuckSaga(ledger: string[], mended: () => boolean = () => false) {
  const decide = namedStep('decide', ledger, {
    use: { pivot: true },
    run() {
      if (!mended()) throw Object.assign(new Error('SECRET-IN-ERROR'), { retryable: false });
    },
  });
  return saga({ name: 'decided', version: 1, input: OrderInput }).step(decide, ({ input }) => input, { pivot: true });
}

describe.each(STORE_KINDS)('alerts on %s', (kind) => {
  const bench = useBench(kind);
  let sink: Sink;
  beforeEach(async () => {
    sink = await alertSink();
  });
  afterEach(() => sink.close());

  const to = (options: Partial<AlertOptions> = {}): AlertOptions => ({
    channels: [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }],
    ...QUICK,
    ...options,
  });
  const told = () => sink.alerts.map(({ kind, rule }) => `${kind} ${rule}`);

  test('stuck: one signed alert, a notice when it is resolved, from several workers once', async () => {
    let mended = false;
    const order = stuckSaga(bench.ledger, () => mended);
    await bench.work([order], { alerts: to() });
    const other = await bench.other();
    if (kind !== 'embedded') await other.worker({ sagas: [order], lockMs: 2_000, stallCheckMs: 1_000, alerts: to() }).run();
    const run = await bench.amends.start(order, { order: 'o' });
    expect((await run.outcome()).status).toBe('stuck');
    await eventually(() => expect(told()).toEqual(['raised stuck']), UNTIL);
    expect(sink.alerts[0]).toMatchObject({ transaction: run.id, saga: 'decided', subject: run.id, namespace: bench.store.namespace });
    expect(JSON.stringify(sink.alerts)).not.toContain('SECRET-IN-ERROR');
    mended = true;
    await run.retry({ by: 'ann' });
    expect((await run.outcome()).status).toBe('completed');
    await eventually(() => expect(told()).toEqual(['raised stuck', 'resolved stuck']), UNTIL);
    expect(sink.alerts[1]!.caseId).toBe(sink.alerts[0]!.caseId);
    expect(sink.forged).toBe(0);
  });

  test('a case that lasts is told again after the interval, and delivered when the receiver is back', async () => {
    const order = stuckSaga(bench.ledger);
    sink.failing = 2;
    await bench.work([order], { alerts: to({ repeatAfterMs: 1_500 }) });
    const run = await bench.amends.start(order, { order: 'o' });
    await eventually(() => {
      const mine = sink.alerts.filter(({ transaction }) => transaction === run.id);
      expect(mine.map((alert) => alert.kind)).toEqual(expect.arrayContaining(['raised', 'repeated']));
      expect(new Set(mine.map(({ delivery }) => delivery)).size).toBe(mine.length);
    }, UNTIL);
    expect(sink.failing).toBe(0);
    await run.terminate({ by: 'ann', reason: 'test' });
    await eventually(() => expect(told()).toContain('resolved stuck'), UNTIL);
  });

  test('no worker for a step; resolved when one comes', async () => {
    const order = z.object({ order: z.string() });
    const far = step({ name: 'far', service: `far_${kind}`, input: order, result: z.object({}) });
    const trip = saga({ name: 'trip', version: 1, input: order }).step(far, ({ input }) => input, { pivot: true });
    const rules = { noWorker: { afterMs: 300 } };
    await bench.work([trip, orderSaga(bench.ledger)], { alerts: to({ rules }) });
    const run = await bench.amends.start(trip, { order: 'o' });
    await eventually(() => expect(told()).toEqual(['raised noWorker']), UNTIL);
    expect(sink.alerts[0]).toMatchObject({ saga: 'trip', step: 'far', text: expect.stringContaining(`service-far_${kind}`) });
    const other = await bench.other();
    await other.worker({ sagas: [trip], implementations: [implement(far, { run: () => ({}) })], lockMs: 2_000, stallCheckMs: 1_000 }).run();
    expect((await run.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await eventually(() => expect(told()).toEqual(['raised noWorker', 'resolved noWorker']), UNTIL);
  });

  test('a compensation that fails again and again, and a step that is retried for ever', async () => {
    let away = true;
    const slow = { attempts: 50, delayMs: 100, maxDelayMs: 200, jitter: 0 };
    const failing = (): void => {
      if (away) throw new Error('away');
    };
    const undone = saga({ name: 'undone', version: 1, input: OrderInput })
      .step(namedStep('first', bench.ledger, { compensate: failing, undoRetry: slow }), ({ input }) => input)
      .step(
        namedStep('second', bench.ledger, { run: () => Promise.reject(Object.assign(new Error('no'), { retryable: false })) }),
        ({ input }) => input,
      );
    const mailed = saga({ name: 'mailed', version: 1, input: OrderInput }).step(
      namedStep('mail', bench.ledger, { use: { retriable: true }, run: failing, retry: { attempts: 2, delayMs: 100, maxDelayMs: 200 } }),
      ({ input }) => input,
      { retriable: true },
    );
    await bench.work([undone, mailed], { alerts: to() });
    const [one, other] = [await bench.amends.start(undone, { order: 'o' }), await bench.amends.start(mailed, { order: 'o' })];
    await eventually(() => expect(told().toSorted()).toEqual(['raised compensationFailing', 'raised overdue']), UNTIL);
    expect(sink.alerts.find(({ rule }) => rule === 'overdue')).toMatchObject({ transaction: other.id, step: 'mail' });
    expect(sink.alerts.find(({ rule }) => rule === 'compensationFailing')).toMatchObject({ transaction: one.id, step: 'first' });
    away = false;
    expect((await one.outcome({ timeoutMs: 15_000 })).status).toBe('compensated');
    expect((await other.outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await eventually(() => expect(told().filter((text) => text.startsWith('resolved'))).toHaveLength(2), UNTIL);
  });

  test('the sweeper repairs; a subscription is behind', async () => {
    const order = orderSaga(bench.ledger);
    const { events } = bench.amends;
    const shopped = eventStream({ name: 'shopped', version: 1, events: { placed: z.object({}) } });
    await using follower = await events.subscribe('stubborn', { events: [shopped], from: 'start' }, () => {
      throw new Error('not now');
    });
    await events.append(shopped, 'a', [{ type: 'placed', data: {} }], { expectedVersion: 'none' });
    await bench.work([order], { sweepEveryMs: 100, overdueAfterMs: 200, alerts: to({ rules: { lag: { afterMs: 300 } } }) });
    const engine = engineOf(bench.amends);
    // Somebody dies between the journal and the queue.
    const id = `lost-${bench.store.namespace}`;
    const started = startedOf(order, { order: 'o' });
    await engine.transactions.start({ plan: order.plan, bindings: order.bindings }, id, started);
    expect((await bench.amends.get(id).outcome({ timeoutMs: 15_000 })).status).toBe('completed');
    await eventually(() => expect(told()).toEqual(expect.arrayContaining(['raised sweeper', 'raised lag', 'resolved sweeper'])), UNTIL);
    expect(sink.alerts.find(({ rule }) => rule === 'lag')).toMatchObject({ subject: 'stubborn' });
    await follower.pause();
    await eventually(() => expect(told()).toContain('resolved lag'), UNTIL);
  });

  test('a run without faults alerts nothing', async () => {
    const many = kind === 'embedded' ? 60 : 300; // that one is a single thread
    const failed = new Set<string>();
    const once =
      (name: string) =>
      ({ input }: { readonly input: { readonly order: string } }): void => {
        const key = `${name} ${input.order}`;
        if (failed.has(key)) return;
        failed.add(key);
        throw new Error('the next time');
      };
    const refuse = ({ input }: { readonly input: { readonly order: string } }): void => {
      if (Number(input.order) % 3 === 0) throw Object.assign(new Error('sold out'), { retryable: false });
    };
    const order = orderSaga(bench.ledger, {
      reserve_stock: { run: once('reserve'), compensate: once('release') },
      create_shipment: { run: refuse },
      send_mail: { use: { retriable: true }, run: once('mail') },
    });
    const rules = { noWorker: { afterMs: 3_000 }, compensationFailing: { afterMs: 10_000 } };
    await bench.work([order], { sweepEveryMs: 100, alerts: to({ rules }) });
    // No more at once than a store adds in no time: what was written long ago and is not added yet is what a sweeper looks for.
    const runs: SagaRun<unknown>[] = [];
    while (runs.length < many) {
      const some = Array.from({ length: 30 }, (_, n) => bench.amends.start(order, { order: String(runs.length + n) }));
      runs.push(...(await Promise.all(some)));
    }
    for (const [n, run] of runs.entries()) {
      expect((await run.outcome({ timeoutMs: 60_000 })).status).toBe(n % 3 === 0 ? 'compensated' : 'completed');
    }
    expect(failed.size).toBe(many + many / 3 + (many * 2) / 3);
    // Looked at many times since: the look's job counts its deliveries.
    const look = async () => (await engineOf(bench.amends).queues.plain.bullQueue('alerts').getJob('look'))!.attemptsStarted;
    const before = await look();
    await eventually(async () => expect(await look()).toBeGreaterThan(before + 5), UNTIL);
    expect(sink.alerts).toEqual([]);
  }, 120_000);

  test('what is no channel, rule or number is refused', async () => {
    const order = orderSaga(bench.ledger);
    const worker = (alerts: unknown) => () => bench.amends.worker({ sagas: [order], alerts: alerts as AlertOptions });
    const webhook = { kind: 'webhook', url: sink.url, secret: SECRET };
    expect(worker({ channels: [] })).toThrow(/at least one/);
    expect(worker({ channels: [{ ...webhook, secret: 'short' }] })).toThrow(/at least 16 characters/);
    expect(worker({ channels: [{ ...webhook, url: 'ftp://x/SECRET' }] })).toThrow(/http:\/\/ or https:\/\//);
    expect(worker({ channels: [webhook, webhook] })).toThrow(/two have this name/);
    expect(worker({ channels: [{ kind: 'pigeon' }] })).toThrow(/there is no kind "pigeon"/);
    expect(worker({ channels: [{ kind: 'email', smtp: 'smtp://x', from: 'a@b\r\nBcc: c@d', to: 'a@b' }] })).toThrow(/e-mail addresses/);
    expect(worker({ channels: [webhook], rules: { stuk: true } })).toThrow(/there is no rule "stuk"/);
    expect(worker({ channels: [webhook], rules: { lag: { afterMs: 0 } } })).toThrow(/lag\.afterMs is 0/);
    expect(worker({ channels: [webhook], everyMs: -1 })).toThrow(/everyMs is -1/);
  });
});

describe('alerts when Redis loses writes', () => {
  const bench = useBench('redis');

  test('a counter that runs backwards is told, and what the loss took is put back', async () => {
    const sink = await alertSink();
    const redis = new Redis(bench.store.url);
    try {
      const order = orderSaga(bench.ledger);
      const channels: AlertOptions['channels'] = [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }];
      await bench.work([order], { sweepEveryMs: 200, overdueAfterMs: 600_000, alerts: { channels, ...QUICK } });
      const counters = () => redis.keys(`{${bench.store.namespace}}:canary:*`);
      const counted = async () => Number(await redis.get((await counters())[0]!));
      await eventually(async () => expect(await counted()).toBeGreaterThan(2), UNTIL);
      const engine = engineOf(bench.amends);
      const id = `torn-${bench.store.namespace}`;
      await engine.transactions.start({ plan: order.plan, bindings: order.bindings }, id, startedOf(order, { order: 'o' }));
      // As little as can be lost: the last one that was written.
      const [key] = await counters();
      await redis.decr(key!);
      const told = () => sink.alerts.map(({ kind, rule }) => `${kind} ${rule}`);
      await eventually(() => expect(told()).toEqual(expect.arrayContaining(['raised storeLoss', 'raised sweeper'])), UNTIL);
      expect((await bench.amends.get(id).outcome({ timeoutMs: 15_000 })).status).toBe('completed');
      await eventually(() => expect(told()).toEqual(expect.arrayContaining(['resolved storeLoss', 'resolved sweeper'])), UNTIL);
      expect(told()).toHaveLength(4);
    } finally {
      redis.disconnect();
      await sink.close();
    }
  });
});

describe('other channels', () => {
  const bench = useBench('redis');

  test('Slack, e-mail and a callback get it too', async () => {
    const mails: string[] = [];
    const smtp = createTcp((socket) => {
      let body: string | undefined;
      socket.setEncoding('utf8').write('220 test ESMTP\r\n');
      socket.on('error', () => undefined);
      socket.on('data', (text: string) => {
        if (body !== undefined) {
          body += text;
          if (body.endsWith('\r\n.\r\n')) {
            mails.push(body);
            body = undefined;
            socket.write('250 kept\r\n');
          }
          return;
        }
        for (const line of text.split('\r\n').filter((one) => one !== '')) {
          if (line.startsWith('DATA')) {
            body = '';
            socket.write('354 go on\r\n');
          } else if (line.startsWith('QUIT')) socket.end('221 bye\r\n');
          else socket.write('250 ok\r\n');
        }
      });
    });
    await new Promise<void>((resolve) => smtp.listen(0, '127.0.0.1', resolve));
    const slack: string[] = [];
    const server = await httpServer((_request, response, body) => {
      slack.push(body);
      response.end('ok');
    });
    const called: string[] = [];
    try {
      const order = stuckSaga(bench.ledger);
      const { port } = smtp.address() as AddressInfo;
      const channels: AlertOptions['channels'] = [
        { kind: 'slack', url: server.url, allowPrivate: true },
        { kind: 'email', smtp: `smtp://127.0.0.1:${port}`, from: 'amends@example.com', to: ['ops@example.com'] },
        { kind: 'callback', name: 'pager', call: ({ text, url }) => called.push(`${text} ${url}`) },
      ];
      await bench.work([order], { alerts: { channels, consoleUrl: 'https://ops.example.com/amends', ...QUICK } });
      const run = await bench.amends.start(order, { order: 'o' });
      await eventually(() => expect([slack.length, mails.length, called.length]).toEqual([1, 1, 1]), UNTIL);
      expect((JSON.parse(slack[0]!) as { text: string }).text).toContain(`alert (stuck): decided ${run.id} is stuck`);
      expect(mails[0]).toMatch(/^Subject: .*alert \(stuck\)/m);
      expect(mails[0]).toContain('To: ops@example.com');
      expect(called[0]).toContain(run.id);
      for (const told of [slack[0], mails[0]!.replaceAll('=\r\n', ''), called[0]])
        expect(told).toContain(`https://ops.example.com/amends/transactions/${run.id}`);
      await run.terminate({ by: 'ann', reason: 'test' });
    } finally {
      await server.close();
      await new Promise((resolve) => smtp.close(resolve));
    }
  });

  test('a job that somebody else has put there is parked, and the look goes on', async () => {
    const sink = await alertSink();
    try {
      const order = orderSaga(bench.ledger);
      const queue = engineOf(bench.amends).queues.plain.bullQueue('alerts');
      await queue.add('look', { forged: true }, { jobId: 'look' });
      await queue.add('x', { kind: 'deliver', channel: '../etc', alert: { text: 'forged' } }, { jobId: 'forged' });
      const channels: AlertOptions['channels'] = [{ kind: 'webhook', url: sink.url, secret: SECRET, allowPrivate: true }];
      await using other = await connectTo(bench.store);
      await other.worker({ sagas: [order], alerts: { channels, ...QUICK } }).run();
      await eventually(async () => expect(await (await queue.getJob('forged'))!.getState()).toBe('failed'), UNTIL);
      await eventually(async () => expect((await queue.getJob('look'))!.attemptsStarted).toBeGreaterThan(3), UNTIL);
      expect(sink.alerts).toEqual([]);
    } finally {
      await sink.close();
    }
  });
});
