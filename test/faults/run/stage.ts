import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { pino } from 'pino';
import { connect, type Amends } from '../../../src/amends.ts';
import { createDatabase, dropDatabase } from '../../support/databases.ts';
import { alertSink } from '../../telemetry/sink.ts';
import { FaultProxy } from '../proxy.ts';
import { openBooks } from './books.ts';
import { Fleet } from './fleet.ts';
import { Load } from './load.ts';
import type { Options } from './options.ts';
import type { Lines, Scene } from './scene.ts';
import type { OwnServer } from './own-server.ts';
import { ownPostgres, ownRedis } from './servers.ts';
import type { WorkerSettings } from './signals.ts';

/** Of this run alone: the servers may be somebody's. */
const NAMESPACE = `faults_${process.pid}`;
/** A step is stuck after so many lost workers. */
const CRASH_LIMIT = 5;

/** A scene that is set up, and how to clear it away. */
export interface Stage {
  readonly scene: Scene;
  readonly folder: string;
  /** What must not be, found so far. */
  readonly problems: string[];
  /** Stops everything that was started. */
  close(): Promise<void>;
}

interface Served {
  readonly url: string;
  /** `undefined`: it is somebody's, and may not be killed. */
  readonly own: OwnServer | undefined;
}

/** One of our own, or the one that REDIS_URL names where this machine has none. */
async function redisOf(folder: string, closing: (() => Promise<unknown>)[]): Promise<Served> {
  const own = await ownRedis(folder);
  if (own !== undefined) {
    closing.push(() => own.stop());
    return { url: own.url, own };
  }
  const url = process.env['REDIS_URL'];
  if (url === undefined)
    throw new Error('there is no redis-server on PATH: install it, or name a server in REDIS_URL (it is not killed then)');
  closing.push(() => removeKeys(url));
  return { url, own };
}

/** One of our own, or the one that DATABASE_URL names where this machine has none. */
async function postgresOf(folder: string, closing: (() => Promise<unknown>)[]): Promise<Served> {
  const own = await ownPostgres(folder);
  if (own !== undefined) {
    closing.push(() => own.stop());
    return { url: own.url, own };
  }
  const url = process.env['DATABASE_URL'];
  if (url !== undefined) return { url, own };
  throw new Error(
    'there is no PostgreSQL (initdb, postgres) on PATH or in /usr/lib/postgresql: install it, or name a server in DATABASE_URL (it is not killed then)',
  );
}

async function removeKeys(url: string): Promise<void> {
  const redis = new Redis(url);
  try {
    for await (const keys of redis.scanStream({ match: `{${NAMESPACE}}*`, count: 500 })) {
      if ((keys as string[]).length > 0) await redis.unlink(keys as string[]);
    }
  } finally {
    redis.disconnect();
  }
}

/** Makes a database, removed at the end. Gives its URL. */
async function database(server: string, name: string, closing: (() => Promise<unknown>)[]): Promise<string> {
  const full = `${NAMESPACE}_${name}`;
  const url = await createDatabase(server, full);
  closing.push(() => dropDatabase(server, full));
  return url;
}

interface Urls {
  readonly store: string;
  readonly journal: string | undefined;
  readonly books: string;
}

/** Sets up servers, lines, worker processes and a client. What was started before something fails is stopped again. */
export async function openStage(options: Options, folder: string, stopping: AbortSignal): Promise<Stage> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    const failed: unknown[] = [];
    for (const end of closing.splice(0).reverse()) await end().catch((error: unknown) => failed.push(error));
    if (failed.length > 0) throw new AggregateError(failed, 'not everything that was started could be stopped');
  };
  try {
    return { ...(await setUp(options, folder, stopping, closing)), folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function setUp(
  options: Options,
  folder: string,
  stopping: AbortSignal,
  closing: (() => Promise<unknown>)[],
): Promise<Pick<Stage, 'scene' | 'problems'>> {
  const { store, seed, transactions, workers, lockMs } = options;
  const calm = options.faults?.length === 0;
  const beganAt = performance.now();
  const say = (text: string): void => {
    const line = `${((performance.now() - beganAt) / 1_000).toFixed(1).padStart(6)} s  ${text}`;
    console.error(line);
    appendFileSync(join(folder, 'faults.log'), `${line}\n`);
  };
  const problems: string[] = [];
  const wrong = (problem: string): void => {
    say(`WRONG: ${problem}`);
    problems.push(problem);
  };

  const redis = store === 'postgres' ? undefined : await redisOf(folder, closing);
  const postgres = await postgresOf(folder, closing);
  const own = [...(redis === undefined ? [] : [redis.own]), postgres.own];
  if (own.includes(undefined)) say('servers that are not ours are not killed');
  else if (own.some((server) => server?.disk === undefined)) say('no disk can be mounted here: full disks are left out');
  const inAmends = await database(postgres.url, 'amends', closing);
  const direct: Urls = {
    store: redis?.url ?? inAmends,
    journal: store === 'redis+postgres' ? inAmends : undefined,
    books: await database(postgres.url, 'books', closing),
  };
  const books = new Pool({ connectionString: direct.books, max: 4, connectionTimeoutMillis: 5_000 });
  books.on('error', () => undefined); // the server is killed now and then
  closing.push(() => books.end());
  await openBooks(books);

  const line = async (url: string): Promise<FaultProxy> => {
    const proxy = await FaultProxy.before(url);
    closing.push(() => proxy.close());
    return proxy;
  };
  const linesTo = async (): Promise<Lines> => ({
    redis: redis === undefined ? undefined : await line(direct.store),
    postgres: redis === undefined ? await line(direct.store) : direct.journal === undefined ? undefined : await line(direct.journal),
    books: await line(direct.books),
  });
  const lines: Lines[] = [];
  for (let index = 0; index <= workers; index++) lines.push(await linesTo());
  const by = ({ redis, postgres, books }: Lines): Urls => ({
    store: (redis ?? postgres)!.url,
    journal: redis !== undefined ? postgres?.url : undefined,
    books: books.url,
  });

  const logger = pino({ level: 'warn' }, pino.destination({ dest: join(folder, 'client.log'), sync: true }));
  const open = async ({ store: url, journal }: Urls): Promise<Amends> => {
    const amends = await connect(url, { namespace: NAMESPACE, logger, ...(journal === undefined ? {} : { journal }) });
    closing.push(() => amends.close());
    return amends;
  };
  const past = await open(direct);
  const client = await open(by(lines[workers]!));

  const alerts = await alertSink();
  closing.push(() => alerts.close());
  const stallCheckMs = Math.ceil(lockMs / 2);
  const overdueAfterMs = lockMs + stallCheckMs;
  const settings = lines.slice(0, workers).map((own, index): WorkerSettings => {
    const urls = by(own);
    const times = { lockMs, stallCheckMs, sweepEveryMs: 1_000, overdueAfterMs, crashLimit: CRASH_LIMIT };
    return {
      index,
      storeUrl: urls.store,
      journalUrl: urls.journal,
      booksUrl: urls.books,
      namespace: NAMESPACE,
      alertUrl: alerts.url,
      ...times,
    };
  });
  const fleet = new Fleet(settings, (index) => join(folder, `worker-${index}.log`));
  closing.push(() => fleet.stop());
  for (const member of fleet.members) member.start();
  await fleet.allReady(30_000);
  say(`${workers} workers on ${store}, seed ${seed}`);

  const load = new Load(client, { seed, transactions, calm, stopping, wrong });
  const scene: Scene = {
    store,
    redis: redis?.own,
    postgres: postgres.own,
    fleet,
    lines,
    load,
    direct: past,
    books,
    booksUrl: direct.books,
    lockMs,
    stallCheckMs,
    overdueAfterMs,
    alerts,
    calm,
    stopping,
    say,
    wrong,
  };
  return { scene, problems };
}
