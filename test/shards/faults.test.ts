import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connect, engineOf, type Amends } from '../../src/amends.ts';
import { slotOf } from '../../src/connections/slots.ts';
import { shardOf, shardTags } from '../../src/connections/shards.ts';
import { isAmendsError } from '../../src/errors.ts';
import type { SagaRun } from '../../src/producers/run.ts';
import { gate, orderSaga, type Ledger } from '../engine/fixture.ts';
import { useCluster, type TestCluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { upTo } from '../support/streams.ts';
import { listAll } from '../support/transactions.ts';

const FAST = { lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20, sweepEveryMs: 1_000, overdueAfterMs: 3_000 };
const SHARDS = 4;

interface Scene {
  readonly ledger: Ledger;
  readonly namespace: string;
  open(shards?: number): Promise<Amends>;
}

function useScene(cluster: TestCluster): Scene {
  const opened: Amends[] = [];
  let ledger: Ledger = [];
  let namespace = '';
  beforeEach(() => {
    namespace = `test_${randomBytes(6).toString('hex')}`;
    ledger = [];
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((amends) => amends.close()));
  });
  return {
    get ledger() {
      return ledger;
    },
    get namespace() {
      return namespace;
    },
    async open(shards) {
      const logger = pino({ level: process.env['FAULT_LOG'] ?? 'silent' }, pino.destination(2));
      const amends = await connect(cluster.url, { namespace, logger, ...(shards === undefined ? {} : { shards }) });
      opened.push(amends);
      return amends;
    },
  };
}

/** Starts a saga as a caller does that must not lose it: again with the same id until it is known to be there. */
async function startSurely(amends: Amends, definition: ReturnType<typeof orderSaga>, id: string): Promise<SagaRun<unknown>> {
  const deadline = performance.now() + 25_000;
  for (;;) {
    try {
      return await amends.start(definition, { order: id }, { id });
    } catch (error) {
      if (!isAmendsError(error, 'STORE_UNREACHABLE') || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

/** Starts sagas all the while `fault` happens, and sees all of them to their ends. */
async function sagasDuring(scene: Scene, fault: () => Promise<void>): Promise<void> {
  const { ledger } = scene;
  const starter = await scene.open(SHARDS);
  const definition = orderSaga(ledger);
  await (await scene.open()).worker({ sagas: [definition], ...FAST }).run();
  const runs: Promise<SagaRun<unknown>>[] = [];
  const over = new AbortController();
  const load = (async () => {
    for (let n = 0; !over.signal.aborted || n < 60; n++) {
      runs.push(startSurely(starter, definition, `s${n}`));
      await delay(40); // a steady flow
    }
  })();
  await eventually(() => expect(ledger.filter((entry) => entry === 'send_mail').length).toBeGreaterThan(10));
  await fault();
  over.abort();
  await load;
  const started = await Promise.all(runs);
  const outcomes = await Promise.all(started.map((run) => run.outcome({ timeoutMs: 30_000 })));
  expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['completed']));
  for (const { id } of started) {
    const done = (await starter.get(id).history()).flatMap(({ event }) => (event.type === 'step_succeeded' ? [event.data.step] : []));
    expect(done).toEqual(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail']);
  }
  expect((await listAll(engineOf(starter).journal, { limit: 50 })).length).toBe(started.length);
}

describe('a cluster without replicas', () => {
  const cluster = useCluster({ masters: 3, nodeTimeoutMs: 1_000 });
  const scene = useScene(cluster);

  test('SH6 a master that is killed and started again: nothing is lost, and all go on', { timeout: 60_000 }, async () => {
    await sagasDuring(scene, async () => {
      // The one with the second shard.
      const owners = await Promise.all(
        cluster.nodes.map((node) => node.ask((redis) => redis.cluster('COUNTKEYSINSLOT', slotOf(shardTags(scene.namespace, SHARDS)[1]!)))),
      );
      const victim = cluster.nodes[owners.findIndex((keys) => keys > 0)]!;
      await victim.kill();
      await delay(1_500); // longer than the others need to see that it is away
      await victim.start();
      for (const node of cluster.nodes) {
        await eventually(async () => expect(await node.ask((redis) => redis.cluster('INFO'))).toContain('cluster_state:ok'));
      }
    });
  });

  test('SH7 a slot that is moved: refused while it is under way, followed when it has arrived', { timeout: 60_000 }, async () => {
    const amends = await scene.open(SHARDS);
    const held = gate();
    const definition = orderSaga(scene.ledger, { charge_card: { run: () => held.opened } });
    const worker = await scene.open();
    await worker.worker({ sagas: [definition], ...FAST }).run();
    const ids = upTo(40).map((n) => `m${n}`);
    const shard = shardOf(ids[0]!, SHARDS);
    const [first, late] = ids.filter((id) => shardOf(id, SHARDS) === shard) as [string, string];
    const run = await amends.start(definition, { order: first }, { id: first });
    const outcome = run.outcome({ timeoutMs: 8_000 }); // sooner than it would ask again by itself whether its channel is there
    await eventually(() => expect(scene.ledger).toContain('reserve_stock'));

    const slot = slotOf(shardTags(scene.namespace, SHARDS)[shard]!);
    const keysAt = (index: number): Promise<number> => cluster.nodes[index]!.ask((redis) => redis.cluster('COUNTKEYSINSLOT', slot));
    const counts = await Promise.all(cluster.nodes.map((_node, index) => keysAt(index)));
    const [source, target] = [counts.findIndex((keys) => keys > 0), counts.indexOf(0)];
    const idOf = (index: number): Promise<string> => cluster.nodes[index]!.ask((redis) => redis.cluster('MYID'));
    const [sourceId, targetId] = [await idOf(source), await idOf(target)];
    await cluster.nodes[target]!.ask((redis) => redis.cluster('SETSLOT', slot, 'IMPORTING', sourceId));
    await cluster.nodes[source]!.ask((redis) => redis.cluster('SETSLOT', slot, 'MIGRATING', targetId));
    await expect(amends.start(definition, { order: late }, { id: late })).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    expect(await keysAt(target)).toBe(0);

    await cluster.nodes[source]!.ask(async (redis) => {
      for (;;) {
        const keys = await redis.cluster('GETKEYSINSLOT', slot, 100);
        if (keys.length === 0) return;
        await redis.call('MIGRATE', '127.0.0.1', cluster.nodes[target]!.port, '', 0, 5_000, 'KEYS', ...keys);
      }
    });
    for (const node of [target, source]) await cluster.nodes[node]!.ask((redis) => redis.cluster('SETSLOT', slot, 'NODE', targetId));
    held.open();
    const other = await startSurely(amends, definition, late);
    expect((await outcome).status).toBe('completed');
    expect((await other.outcome({ timeoutMs: 30_000 })).status).toBe('completed');
    expect(await keysAt(source)).toBe(0);
    expect((await listAll(engineOf(worker).journal, {})).map(({ id }) => id).toSorted()).toEqual([first, late].toSorted());
  });

  test('SH8 while a master is away: closing is quick, and who connects is told which one it is', { timeout: 40_000 }, async () => {
    const amends = await scene.open(SHARDS);
    const definition = orderSaga(scene.ledger);
    await amends.worker({ sagas: [definition], ...FAST, drainMs: 500 }).run();
    expect((await (await amends.start(definition, { order: 'o' })).outcome()).status).toBe('completed');
    const [victim] = cluster.nodes;
    await victim!.kill();
    // Through another node: the one of the URL is gone.
    const other = connect(`redis://127.0.0.1:${cluster.nodes[1]!.port}`, { namespace: scene.namespace, logger: pino({ level: 'silent' }) });
    await expect(other).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining(`has 127.0.0.1:${victim!.port} as a master`),
    });
    const from = performance.now();
    await amends.close();
    expect(performance.now() - from).toBeLessThan(12_000);
    await victim!.start();
    await eventually(async () => expect(await victim!.ask((redis) => redis.cluster('INFO'))).toContain('cluster_state:ok'));
  });
});

describe('a cluster with replicas', () => {
  const cluster = useCluster({ masters: 3, replicas: 1, nodeTimeoutMs: 1_000 });
  const scene = useScene(cluster);

  test('SH9 a master that is gone: its replica takes over, and nothing is lost', { timeout: 60_000 }, async () => {
    await sagasDuring(scene, async () => {
      const [victim, ...others] = cluster.nodes;
      await victim!.kill();
      await eventually(
        async () => {
          const info = await others[0]!.ask((redis) => redis.cluster('INFO'));
          const slots = await others[0]!.ask((redis) => redis.cluster('SLOTS'));
          expect(info).toContain('cluster_state:ok');
          expect(slots.map(([, , master]) => master?.[1])).not.toContain(victim!.port);
        },
        { timeoutMs: 20_000 },
      );
    });
  });
});
