import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect, engineOf, type Amends } from '../../src/amends.ts';
import { shardTags } from '../../src/connections/shards.ts';
import { StepFailed } from '../../src/errors.ts';
import { rootJobId, sagaQueue } from '../../src/queues/names.ts';
import { gate, orderSaga, type Ledger } from '../engine/fixture.ts';
import { Books, errandSaga } from '../faults/processes/errand.ts';
import { WorkerProcess } from '../faults/processes/worker-process.ts';
import { useCluster } from '../support/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { serverUrl } from '../support/server-url.ts';
import { upTo } from '../support/streams.ts';
import { listAll } from '../support/transactions.ts';

const FAST = { lockMs: 2_000, stallCheckMs: 1_000, graceMs: 20 };

describe('sagas on a Redis Cluster of three nodes', () => {
  const cluster = useCluster({ masters: 3 });
  const opened: Amends[] = [];
  let namespace: string;
  let ledger: Ledger;

  beforeEach(() => {
    namespace = `test_${randomBytes(6).toString('hex')}`;
    ledger = [];
  });
  afterEach(async () => {
    for (const amends of opened.splice(0)) await amends.close();
  });

  async function open(shards?: number): Promise<Amends> {
    const logger = pino({ level: process.env['FAULT_LOG'] ?? 'silent' });
    const amends = await connect(cluster.url, { namespace, logger, ...(shards === undefined ? {} : { shards }) });
    opened.push(amends);
    return amends;
  }

  test.each([1, 2, 4, 8])('SH1 end as they should over %i shards, each in one slot, and are found again', async (shards) => {
    const starter = await open(shards);
    const worker = await open();
    const refusing = new Set(upTo(30).flatMap((n) => (n % 3 === 0 ? [`o${n}`] : [])));
    const definition = orderSaga(ledger, {
      create_shipment: {
        run: ({ input }) => {
          if (refusing.has(input.order)) throw new StepFailed('no carrier');
        },
      },
    });
    await worker.worker({ sagas: [definition], ...FAST }).run();
    const runs = await Promise.all(
      upTo(30).map((n) => starter.start(definition, { order: `o${n}` }, { id: `order/${n + 100}`, tags: { third: String(n % 3) } })),
    );
    const outcomes = await Promise.all(runs.map((run) => run.outcome({ timeoutMs: 20_000 })));
    expect(outcomes.map(({ status }) => status)).toEqual(upTo(30).map((n) => (n % 3 === 0 ? 'compensated' : 'completed')));
    const count = (name: string): number => ledger.filter((entry) => entry === name).length;
    expect(['reserve_stock', 'charge_card', 'create_shipment', 'send_mail', '-charge_card', '-reserve_stock'].map(count)).toEqual([
      30, 30, 20, 20, 10, 10,
    ]);

    // Lists: all shards, newest first, each transaction once.
    const { journal, queues } = engineOf(starter);
    const listed = await listAll(journal, { limit: 7 });
    expect(listed.map(({ id }) => id).toSorted()).toEqual(runs.map(({ id }) => id).toSorted());
    const starts = listed.map(({ startedAtMs }) => startedAtMs);
    expect(starts).toEqual(starts.toSorted((a, b) => b - a));
    expect(await listAll(journal, { tag: { third: '0' }, status: ['compensated'], limit: 4 })).toHaveLength(10);

    // Every key of a transaction is in the slot of its shard.
    await eventually(async () => {
      const states = runs.map(({ id }) => queues.stateOf({ queue: sagaQueue('order'), jobId: rootJobId(id) }));
      expect(new Set(await Promise.all(states))).toEqual(new Set(['completed']));
    });
    const keys = (await cluster.keys()).filter(({ key }) => key.startsWith(`{${namespace}`));
    const used = new Set<number>();
    for (const { id } of runs) {
      const own = keys.filter(({ key }) => key.includes(id) || key.includes(jobName(id)));
      const slots = [...new Set(own.map(({ slot }) => slot))];
      // Its stream, its summary, the root and the steps' jobs.
      expect(own.length).toBeGreaterThanOrEqual(2 + 1 + 3);
      expect(slots).toHaveLength(1);
      used.add(slots[0]!);
    }
    expect(used.size).toBe(shards);
    expect(new Set(keys.map(({ key }) => /^\{([^}]*)\}/.exec(key)![1]))).toEqual(new Set([namespace, ...shardTags(namespace, shards)]));
  });

  test('SH2 a cancel, a pause and the history reach a transaction in whatever shard it is', async () => {
    const amends = await open(4);
    const held = gate();
    const definition = orderSaga(ledger, { charge_card: { run: () => held.opened } });
    await amends.worker({ sagas: [definition], ...FAST }).run();
    const runs = await Promise.all(upTo(8).map((n) => amends.start(definition, { order: `o${n}` }, { id: `c${n}` })));
    await eventually(() => expect(ledger.filter((entry) => entry === 'reserve_stock')).toHaveLength(8));
    const operator = await open();
    for (const { id } of runs) expect(await operator.get(id).cancel({ reason: 'changed their mind' })).toBe(true);
    held.open();
    for (const run of runs) expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('compensated');
    for (const { id } of runs) expect((await operator.get(id).history()).length).toBeGreaterThan(4);
  });

  test('SH3 a namespace keeps its number of shards: another one is refused, none is adopted', async () => {
    const first = await open(4);
    const definition = orderSaga(ledger);
    await first.start(definition, { order: 'o' }, { id: 'kept' });
    await expect(open(8)).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/shards is 8, but namespace "\w+" has 4.*shards: 4/),
      details: { shards: 4, wanted: 8 },
    });
    const second = await open();
    expect((await second.get('kept').view()).status).toBe('running');
  });

  test('SH4 whoever only looks settles nothing; the first start without a number settles on one shard', async () => {
    const looking = await open();
    expect((await looking.list()).transactions).toEqual([]);
    const first = await open(2);
    await first.start(orderSaga(ledger), { order: 'o' });
    // It looked when there was one shard: what it would start would not be found.
    await expect(looking.start(orderSaga(ledger), { order: 'o' })).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    namespace += 'b';
    const plain = await open();
    await plain.start(orderSaga(ledger), { order: 'o' }, { id: 'plain' });
    await expect(open(2)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });
});

describe('a Redis Cluster with a password', () => {
  const cluster = useCluster({ masters: 3, password: 'open-sesame' });
  const schema = `shards_${randomBytes(6).toString('hex')}`;
  const booksUrl = serverUrl('DATABASE_URL');
  const books = new Books(booksUrl, schema);
  beforeAll(() => books.create(schema));
  afterAll(() => books.drop(schema));

  test('SH10 a worker process is killed in the middle of steps in several shards: another one finishes them, each effect once', async () => {
    const settings = { url: cluster.url, namespace: 'crash', booksUrl, schema };
    await using amends = await connect(cluster.url, { namespace: 'crash', shards: 4, logger: pino({ level: 'silent' }) });
    const first = await WorkerProcess.start({ ...settings, conducts: { work: { kind: 'wait', heeds: false } }, worker: FAST });
    const definition = errandSaga({ books });
    const runs = await Promise.all(upTo(8).map((n) => amends.start(definition, { errand: `e${n}` }, { id: `e${n}` })));
    await eventually(() => expect(first.heard.filter(({ what, of }) => what === 'begun' && of === 'work')).toHaveLength(8));
    await first.kill();
    const second = await WorkerProcess.start({ ...settings, worker: FAST });
    try {
      for (const run of runs) {
        expect((await run.outcome({ timeoutMs: 20_000 })).status).toBe('completed');
        expect(await books.effectsOf(run.id)).toEqual(['prepare', 'work', 'finish']);
      }
    } finally {
      await second.kill();
    }
  });

  test('SH18 is refused when the login is wrong, and when one of its masters could lose transactions, which is named', async () => {
    const stranger = cluster.url.replace('open-sesame', 'wrong');
    await expect(connect(stranger, { logger: pino({ level: 'silent' }) })).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    const last = cluster.nodes.at(-1)!;
    await last.ask((redis) => redis.config('SET', 'maxmemory-policy', 'allkeys-lru'));
    await expect(connect(cluster.url, { logger: pino({ level: 'silent' }) })).rejects.toMatchObject({
      code: 'STORE_UNSAFE',
      message: expect.stringMatching(new RegExp(`node 127.0.0.1:${last.port} of the cluster: .*allkeys-lru`)),
    });
    await last.ask((redis) => redis.config('SET', 'maxmemory-policy', 'noeviction'));
    await expect(connect(`${cluster.url}/1`, { logger: pino({ level: 'silent' }) })).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      message: expect.stringContaining('database 0 only'),
    });
  });
});

function jobName(id: string): string {
  return rootJobId(id).slice('root'.length);
}
