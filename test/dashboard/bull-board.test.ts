import request from 'supertest';
import { describe, expect, test } from 'vitest';
import { engineOf } from '../../src/amends.ts';
import { operationJobId, rootJobId } from '../../src/queues/names.ts';
import type { JobState } from '../../src/queues/queue-port.ts';
import { eventually } from '../support/eventually.ts';
import { STORE_KINDS } from '../support/stores.ts';
import { tripSaga, useBench, type Bench } from './fixture.ts';

interface FlowNode {
  readonly id: string;
  readonly queueName: string;
  readonly state: string;
  readonly children: readonly FlowNode[];
}

function api(bench: Bench, queue: string, ...rest: readonly string[]): string {
  return ['/queues/api/queues', ...[queue, ...rest].map(encodeURIComponent)].join('/');
}

async function flowOf(bench: Bench, queue: string, jobId: string): Promise<FlowNode> {
  const { body } = await request(bench.dashboard.url)
    .get(api(bench, queue, jobId, 'flow'))
    .query({ depth: 5, maxChildren: 20 })
    .expect(200);
  return (body as { flowRoot: FlowNode }).flowRoot;
}

function places(node: FlowNode): string[] {
  return [`${node.queueName} ${node.id} ${node.state}`, ...node.children.flatMap(places)].sort();
}

function stateOf(bench: Bench, queue: string, jobId: string): Promise<JobState> {
  return engineOf(bench.amends).queues.stateOf({ queue, jobId });
}

async function stuckTrip(bench: Bench, id: string): Promise<void> {
  Object.assign(bench.services, { declines: true, canUndo: false });
  const trip = tripSaga();
  await bench.work(trip);
  const run = await bench.amends.start(trip, { order: 'o1' }, { id });
  expect(await run.outcome({ timeoutMs: 15_000 })).toMatchObject({ status: 'stuck', failedStep: 'reserve_stock' });
  await eventually(async () =>
    expect(await stateOf(bench, 'service-stock', operationJobId(id, 'reserve_stock', 'compensate'))).toBe('failed'),
  );
}

describe.each(STORE_KINDS)('Bull Board on %s', (kind) => {
  const bench = useBench(kind);

  test('shows the queues of every plan in the journal, and of new ones as they come', async () => {
    await bench.work(tripSaga());
    const names = async (): Promise<unknown> => {
      const { body } = await request(bench.dashboard.url).get('/queues/api/queues').expect(200);
      return (body as { queues: { name: string; displayName: string }[] }).queues.map(
        ({ name, displayName }) => `${name} = ${displayName}`,
      );
    };
    const trip = ['saga-trip = saga trip', 'service-stock = service stock', 'service-payments = service payments'];
    await eventually(async () => expect(await names()).toEqual(trip));
    await bench.amends.start(tripSaga('tour'), { order: 'o1' });
    await eventually(async () => expect(await names()).toEqual([...trip, 'saga-tour = saga tour']));
  });

  test('opens a job of a saga that was deployed a moment ago', async () => {
    await bench.work(tripSaga());
    await request(bench.dashboard.url).get('/queues/api/queues').expect(200);
    const { id } = await bench.amends.start(tripSaga('fresh'), { order: 'o1' });
    const { status } = await request(bench.dashboard.url).get(api(bench, 'saga-fresh', rootJobId(id)));
    expect(status).toBe(200);
  });

  test('warns of a queue without workers, where the store knows, and never of one that has some', async () => {
    const trip = tripSaga();
    await bench.amends.start(trip, { order: 'o1' });
    const workers = async (): Promise<unknown> => {
      const { body } = await request(bench.dashboard.url).get('/queues/api/queues').expect(200);
      return (body as { queues: { name: string; hasWorkers: unknown }[] }).queues.find(({ name }) => name === 'service-stock')?.hasWorkers;
    };
    // `null` is unknown, which the board does not show. On PostgreSQL BullMQ's answer is too short for it once there are some.
    const [without, some] = { redis: [false, true], postgres: [false, null], embedded: [null, null] }[kind];
    await eventually(async () => expect(await workers()).toBe(without));
    await bench.work(trip);
    await eventually(async () => expect(await workers()).toBe(some));
  });

  test('shows the flow tree of a saga from its root and from each of its jobs', async () => {
    const trip = tripSaga();
    await bench.work(trip);
    const id = 'eu/trip:1@home';
    const run = await bench.amends.start(trip, { order: 'o1' }, { id });
    await run.result({ timeoutMs: 15_000 });
    const root = rootJobId(id);
    const stock = operationJobId(id, 'reserve_stock', 'run');
    const card = operationJobId(id, 'charge_card', 'run');
    const tree = [`saga-trip ${root} completed`, `service-payments ${card} completed`, `service-stock ${stock} completed`];
    await eventually(async () => expect(places(await flowOf(bench, 'saga-trip', root))).toEqual(tree));
    expect(places(await flowOf(bench, 'service-stock', stock))).toEqual(tree);
    expect(places(await flowOf(bench, 'service-payments', card))).toEqual(tree);
    const { body } = await request(bench.dashboard.url)
      .get(api(bench, 'service-payments', card))
      .expect(200);
    expect(card).toMatch(/^[\w.!-]+$/); // a % would be decoded twice by the board's pages
    expect(body).toMatchObject({
      job: { id: card, name: `charge_card · ${id}`, data: { transaction: id, step: 'charge_card', op: 'run' } },
      status: 'completed',
    });
  });

  test('refuses what would lose a transaction, says why, and the jobs stay', async () => {
    const id = 'trip-1';
    await stuckTrip(bench, id);
    const undo = operationJobId(id, 'reserve_stock', 'compensate');
    const refused = [
      ['put', api(bench, 'service-stock', undo, 'clean')],
      ['put', api(bench, 'saga-trip', rootJobId(id), 'clean')],
      ['put', api(bench, 'service-stock', 'clean', 'failed')],
      ['put', api(bench, 'service-stock', 'clean', 'completed')],
      ['put', api(bench, 'service-stock', 'empty')],
      ['put', api(bench, 'service-stock', 'obliterate'), { force: true }],
      ['put', api(bench, 'saga-trip', 'obliterate'), { force: true }],
      ['put', api(bench, 'saga-trip', rootJobId(id), 'remove-unprocessed-children')],
      ['patch', api(bench, 'service-stock', undo, 'update-data'), { jobData: { transaction: 'another' } }],
      ['post', api(bench, 'service-stock', 'add'), { name: 'x', data: {}, options: {} }],
    ] as const;
    const { queues } = engineOf(bench.amends);
    const before = await queues.bullQueue('service-stock').getJobCounts();
    for (const [method, path, body = {}] of refused) {
      const answer = await request(bench.dashboard.url)[method](path).send(body);
      expect({ path, status: answer.status, message: (answer.body as { message?: string }).message }).toEqual({
        path,
        status: 403,
        message: expect.stringMatching(/can't be .*: /) as string,
      });
    }
    expect(await queues.bullQueue('service-stock').getJobCounts()).toEqual(before);
    expect(await stateOf(bench, 'service-stock', undo)).toBe('failed');
    expect(await stateOf(bench, 'saga-trip', rootJobId(id))).toBe('waiting-children');
    expect((await queues.bullQueue('service-stock').getJob(undo))?.data).toMatchObject({ transaction: id });
  });

  test('Retry of a stuck compensation goes on with the saga to its end', async () => {
    const id = 'trip-2';
    await stuckTrip(bench, id);
    const undo = operationJobId(id, 'reserve_stock', 'compensate');
    bench.services.canUndo = true;
    await request(bench.dashboard.url)
      .put(api(bench, 'service-stock', undo, 'retry'))
      .expect(204);
    await eventually(async () => expect((await bench.amends.get(id).view()).status).toBe('compensated'));
    await eventually(async () => expect(await stateOf(bench, 'saga-trip', rootJobId(id))).toBe('completed'));
    const history = await bench.amends.get(id).history();
    expect(history.map(({ event }) => event.type)).toContain('retry_requested');
  });

  test('Retry of all that failed continues the stuck ones, and leaves alone what had turned back', async () => {
    const id = 'trip-3';
    await stuckTrip(bench, id);
    bench.services.canUndo = true;
    for (const queue of ['service-payments', 'service-stock']) {
      await request(bench.dashboard.url)
        .put(api(bench, queue, 'retry', 'failed'))
        .expect(200);
    }
    await eventually(async () => expect((await bench.amends.get(id).view()).status).toBe('compensated'));
    const view = await bench.amends.get(id).view();
    expect(view.steps.map(({ name, status }) => `${name} ${status}`)).toEqual(['reserve_stock compensated', 'charge_card failed']);
  });

  test('Promote delivers a step that backs off now; Pause holds a queue until Resume', async () => {
    bench.services.vague = true;
    const trip = tripSaga();
    await bench.work(trip);
    const id = 'trip-4';
    const run = await bench.amends.start(trip, { order: 'o1' }, { id });
    const card = operationJobId(id, 'charge_card', 'run');
    await eventually(async () => expect(await stateOf(bench, 'service-payments', card)).toBe('delayed'));
    const { isPaused } = { isPaused: () => engineOf(bench.amends).queues.bullQueue('service-payments').isPaused() };
    await request(bench.dashboard.url)
      .put(api(bench, 'service-payments', 'pause'))
      .expect(200);
    expect(await isPaused()).toBe(true);
    bench.services.vague = false;
    await request(bench.dashboard.url)
      .put(api(bench, 'service-payments', card, 'promote'))
      .expect(204);
    await request(bench.dashboard.url)
      .put(api(bench, 'service-payments', 'resume'))
      .expect(200);
    expect(await isPaused()).toBe(false);
    expect(await run.result({ timeoutMs: 15_000 })).toEqual({ ref: 'card/o1' });
  });
});
