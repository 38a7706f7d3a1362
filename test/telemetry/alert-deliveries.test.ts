import { beforeEach, describe, expect, test, vi } from 'vitest';
import { eventStream } from 'amends';
import * as z from 'zod';
import { engineOf } from '../../src/amends.ts';
import type { Alert, Finding } from '../../src/telemetry/alerts/alert.ts';
import type { AlertChannel } from '../../src/telemetry/alerts/channels.ts';
import type { AlertOptions } from '../../src/telemetry/alerts/options.ts';
import { resolveRules } from '../../src/telemetry/alerts/rules.ts';
import { AlertReports } from '../../src/workers/alert-reports.ts';
import { connectTo, orderSaga, useBench } from '../engine/fixture.ts';
import { eventually } from '../support/eventually.ts';
import { httpServer, SECRET } from './sink.ts';

const QUICK = { everyMs: 100, quietMs: 60_000 };
const UNTIL = { timeoutMs: 30_000 };

const bench = useBench('redis');
const engine = () => engineOf(bench.amends);
const queueOf = (name: string) => engine().queues.plain.bullQueue(name);

beforeEach(async () => {
  for (const queue of ['alerts', 'alert-deliveries', 'alert-reports']) await queueOf(queue).obliterate({ force: true });
});

function pager(name: string): { readonly channel: AlertChannel; readonly alerts: Alert[] } {
  const alerts: Alert[] = [];
  return { channel: { kind: 'callback', name, call: (alert) => alerts.push(alert) }, alerts };
}

/** As another process reports it. */
async function report(...subjects: readonly string[]): Promise<void> {
  const reports = new AlertReports(engine(), resolveRules(), (error) => expect.unreachable(String(error)));
  for (const subject of subjects) reports.send({ rule: 'sweeper', subject, text: `about ${subject}` });
  await reports.close();
}

async function work(channels: readonly AlertChannel[], options: Partial<AlertOptions> = {}, drainMs = 25_000): Promise<void> {
  await bench.work([orderSaga(bench.ledger)], { sweepEveryMs: 600_000, drainMs, alerts: { channels, ...QUICK, ...options } });
}

async function looked(times: number): Promise<void> {
  const look = async () => (await queueOf('alerts').getJob('look'))?.attemptsStarted ?? 0;
  const before = await look();
  await eventually(async () => expect(await look()).toBeGreaterThanOrEqual(before + times), UNTIL);
}

describe('alerts are told once', () => {
  test('also when a look ends between its first and its second delivery', async () => {
    const [one, other] = [pager('one'), pager('other')];
    const { plain } = engine().queues;
    const add = plain.add.bind(plain);
    let failed = 0;
    const spy = vi.spyOn(plain, 'add').mockImplementation((job) => {
      if (!job.jobId.endsWith('-other') || failed++ > 2) return add(job);
      return Promise.reject(new Error('the store was away'));
    });
    try {
      await report('torn');
      await work([one.channel, other.channel]);
      await eventually(() => expect(other.alerts).toHaveLength(1), UNTIL);
      await looked(3);
      expect(failed).toBeGreaterThan(1);
      expect(one.alerts).toEqual(other.alerts);
    } finally {
      spy.mockRestore();
    }
  });

  test('a storm is told as one beyond fifty, and its reports are gone soon', async () => {
    const { channel, alerts } = pager('storm');
    await report(...Array.from({ length: 2_100 }, (_, n) => `storm-${n}`));
    await work([channel]);
    await eventually(() => expect(alerts.map(({ subject }) => subject)).toContain('many'), UNTIL);
    await eventually(async () => expect(await queueOf('alert-reports').getWaitingCount()).toBe(0), UNTIL);
    await looked(3);
    const told = () => alerts.filter(({ subject }) => subject.startsWith('storm-'));
    await eventually(() => expect(told()).toHaveLength(50), UNTIL);
    await looked(3);
    expect(told()).toHaveLength(50);
    expect(alerts.filter(({ subject }) => subject === 'many')).toMatchObject([{ rule: 'sweeper', kind: 'raised' }]);
  });
});

describe('looks go on', () => {
  test('while one channel never answers; and a worker that is closed does not wait for that', async () => {
    const { channel, alerts } = pager('good');
    let called = 0;
    const deaf: AlertChannel = { kind: 'callback', name: 'deaf', call: () => new Promise(() => void called++) };
    const subjects = Array.from({ length: 30 }, (_, n) => `deaf-${n}`);
    await report(...subjects);
    const amends = await connectTo(bench.store);
    const options = { drainMs: 200, lockMs: 2_000, stallCheckMs: 1_000, alerts: { channels: [deaf, channel], ...QUICK } };
    const worker = amends.worker({ sagas: [orderSaga(bench.ledger)], ...options });
    await worker.run();
    await eventually(() => expect(subjects.every((each) => alerts.some(({ subject }) => subject === each))).toBe(true), UNTIL);
    await eventually(() => expect(called).toBeGreaterThan(0));
    await looked(5);
    const before = performance.now();
    await worker.close();
    expect(performance.now() - before).toBeLessThan(8_000); // less than the deaf one has time for
    await amends.close();
  });

  test('while one rule can not be looked at: what it told before is not over', async () => {
    const { channel, alerts } = pager('partly');
    const { journal, log } = engine();
    const { events } = bench.amends;
    const shopped = eventStream({ name: 'shopped', version: 1, events: { placed: z.object({}) } });
    await using follower = await events.subscribe('stubborn', { events: [shopped], from: 'start' }, () => {
      throw new Error('not now');
    });
    const stuck: Finding = { rule: 'stuck', subject: 'gone', transaction: 'gone', text: 'is stuck' };
    const nowMs = engine().clock.nowMs();
    const cases = { 'stuck/gone': { ...stuck, sinceMs: nowMs, seenMs: nowMs, toldMs: nowMs, told: 1 } };
    await engine().queues.plain.add({ queue: 'alerts', jobId: 'look', name: 'look', message: { kind: 'look', cases, read: [] } });
    const list = vi.spyOn(journal, 'list').mockRejectedValue(new Error('no lists today'));
    const warn = vi.spyOn(log, 'warn');
    try {
      await work([channel], { quietMs: 300, rules: { lag: { afterMs: 100 } } });
      await events.append(shopped, 'a', [{ type: 'placed', data: {} }], { expectedVersion: 'none' });
      const mine = () => alerts.map(({ kind, rule }) => `${kind} ${rule}`);
      await eventually(() => expect(mine()).toEqual(['raised lag']), UNTIL);
      await looked(6);
      expect(mine()).toEqual(['raised lag']);
      const warned = warn.mock.calls.filter(([facts]) => (facts as { what?: unknown }).what === 'stuck');
      expect(warned).toHaveLength(1); // once a minute, not with each look
      list.mockRestore();
      await eventually(() => expect(mine()).toContain('resolved stuck'), UNTIL);
    } finally {
      list.mockRestore();
      warn.mockRestore();
    }
    await follower.pause();
  });
});

describe('what could not be delivered', () => {
  const alert: Alert = {
    rule: 'sweeper',
    subject: 's',
    text: 'text',
    caseId: 'c',
    kind: 'raised',
    sinceMs: 0,
    atMs: 0,
    namespace: 'n',
  };
  const deliver = async (jobId: string, channel: string, atMs = engine().clock.nowMs()) => {
    const message = { kind: 'deliver', channel, alert: { ...alert, atMs } };
    await engine().queues.plain.add({ queue: 'alert-deliveries', jobId, name: 'deliver', message });
  };
  const stateOf = async (jobId: string) => (await queueOf('alert-deliveries').getJob(jobId))?.getState();
  const webhook = { kind: 'webhook', secret: SECRET } as const;

  test('is tried again after a redirect, and after a name that led to a private address', async () => {
    let asked = 0;
    const server = await httpServer((_request, response) => {
      if (++asked === 1) response.writeHead(302, { Location: 'https://example.com/' }).end();
      else response.writeHead(204).end();
    });
    try {
      const { port } = new URL(server.url);
      await work([
        { ...webhook, name: 'moved', url: server.url, allowPrivate: true },
        { ...webhook, name: 'named', url: `http://localhost:${port}/` },
        { ...webhook, name: 'private', url: server.url },
      ]);
      for (const name of ['moved', 'named', 'private']) await deliver(name, name);
      await eventually(async () => expect(await stateOf('moved')).toBe('completed'), UNTIL);
      await eventually(async () => expect(await stateOf('private')).toBe('failed'), UNTIL);
      expect((await queueOf('alert-deliveries').getJob('private'))!.attemptsMade).toBe(1);
      await eventually(async () => expect((await queueOf('alert-deliveries').getJob('named'))!.attemptsMade).toBeGreaterThan(1), UNTIL);
      expect(asked).toBe(2);
    } finally {
      await server.close();
    }
  });

  test('waits for a worker that has its channel, and is given up when that was removed long ago', async () => {
    const { channel } = pager('left');
    await work([channel]);
    await deliver('young', 'removed');
    await deliver('old', 'removed', engine().clock.nowMs() - 37 * 3_600_000);
    await eventually(async () => expect(await stateOf('old')).toBe('failed'), UNTIL);
    await eventually(async () => expect(await stateOf('young')).toBe('delayed'), UNTIL);
    expect(bench.alerts).toContain('an alert was not delivered, and is given up: no worker has its channel');
  });

  test('is parked when it is no alert of ours', async () => {
    const { channel, alerts } = pager('strict');
    await queueOf('alert-deliveries').add('x', { kind: 'deliver', channel: 'strict', alert: { text: 'forged' } }, { jobId: 'forged' });
    await work([channel]);
    await eventually(async () => expect(await stateOf('forged')).toBe('failed'), UNTIL);
    expect(alerts.filter(({ text }) => text === 'forged')).toEqual([]);
  });
});

test('a worker whose duty can not begin takes no jobs', async () => {
  const amends = await connectTo(bench.store);
  const { queues } = engineOf(amends);
  const consume = queues.consume.bind(queues);
  vi.spyOn(queues, 'consume').mockImplementation((queue, ...rest) =>
    queue === 'alerts' ? Promise.reject(new Error('no alerts today')) : consume(queue, ...rest),
  );
  const worker = amends.worker({ sagas: [orderSaga(bench.ledger)], alerts: { channels: [pager('none').channel], ...QUICK } });
  await expect(worker.run()).rejects.toThrow('no alerts today');
  for (const queue of ['saga-order', 'alert-deliveries']) expect(queues.consumersHere(queue)).toBe(0);
  await expect(worker.run()).rejects.toMatchObject({ code: 'CLOSED' });
  await amends.close();
});
