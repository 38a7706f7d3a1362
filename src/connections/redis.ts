import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';
import { AmendsError } from '../errors.ts';
import { bare } from './redis-errors.ts';
import { settling } from './redis-settling.ts';

export { reachable } from './redis-errors.ts';

/** A namespace, or the hash tag of one of its shards. */
const NAMESPACE = /^[a-z][a-z0-9_-]{0,30}(\.\d{1,3}(\.\d{1,6})?)?$/;
const OLDEST = [6, 2] as const;
/** Older ones send every announcement to every node of a cluster. */
const OLDEST_IN_CLUSTER = [7, 0] as const;

/**
 * The beginning of every key of a namespace. The braces are Redis Cluster's hash tag: all keys share one slot, so one script may touch them all.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function keyRoot(namespace: string): string {
  if (typeof namespace === 'string' && NAMESPACE.test(namespace)) return `{${namespace}}:`;
  throw new AmendsError(
    'INVALID_OPTION',
    `namespace ${JSON.stringify(namespace) ?? String(namespace)}: use 1 to 31 of a-z, 0-9, _ and -, starting with a letter`,
  );
}

export interface OpenRedisOptions {
  /** Shown by `CLIENT LIST`. Default `amends`. */
  readonly connectionName?: string | undefined;
  /** How long the first connection may take, milliseconds. Default 10 000. */
  readonly startTimeoutMs?: number | undefined;
  /** Told of every connection error after the start; the client reconnects by itself. */
  readonly onError?: ((error: Error) => void) | undefined;
  /** Overrides of the client's own options. BullMQ takes a connection for its workers only with `maxRetriesPerRequest: null`: commands then wait for ever. */
  readonly client?: Omit<RedisOptions, 'keyPrefix' | 'replyMapping'> | undefined;
}

interface Address {
  readonly hostAndPort: string;
  readonly tls: boolean;
}

/** Checks the URL. Messages never quote it: it may hold a password. */
function addressOf(url: string): Address {
  const refuse = (problem: string): never => {
    throw new AmendsError('INVALID_OPTION', `the Redis URL ${problem}: write redis://user:password@host:6379/0, or rediss://… for TLS`);
  };
  if (typeof url !== 'string' || !URL.canParse(url)) return refuse("can't be read");
  const { protocol, hostname, port, pathname } = new URL(url);
  if (protocol !== 'redis:' && protocol !== 'rediss:') refuse(`begins with ${protocol}//`);
  if (hostname === '') refuse('has no host');
  if (!/^\/?\d*$/.test(pathname)) refuse('names a database that is not a number');
  return { hostAndPort: `${hostname}:${port === '' ? '6379' : port}`, tls: protocol === 'rediss:' };
}

function adviceFor(error: Error, { tls }: Address): string {
  const code = (error as { code?: unknown }).code;
  const text = `${typeof code === 'string' ? code : ''} ${error.message}`;
  if (/ECONNREFUSED/.test(text))
    return 'nothing listens there: start Redis (docker compose up -d redis, or redis-server), or correct the URL';
  if (/ENOTFOUND|EAI_AGAIN/.test(text)) return 'the host name is not known: correct the URL';
  if (/WRONGPASS|NOAUTH|invalid password|invalid username/i.test(text)) {
    return 'it refused the login: put the right user and password into the URL, redis://user:password@host:port';
  }
  if (/NOPERM/.test(text)) return `the user lacks a permission (${error.message}): extend its ACL`;
  if (/SELECT is not allowed/.test(text)) return 'a cluster has database 0 only: leave the number out of the URL';
  if (/DB index/.test(text)) return 'it has no database of that number: correct the end of the URL';
  if (/CERT|SELF_SIGNED|ERR_TLS|ERR_SSL|EPROTO|altname/i.test(text)) return `TLS failed (${error.message}): check the certificate`;
  if (/ETIMEDOUT|no answer|Connection is closed|ECONNRESET|EPIPE/.test(text)) {
    const scheme = tls ? 'whether it speaks TLS at all (else redis://)' : 'whether it wants TLS (then rediss://)';
    return `${error.message}: check the address, the firewall, and ${scheme}`;
  }
  return error.message;
}

async function within<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Opens a connection to Redis (`redis://`, or `rediss://` for TLS). Fails clearly when the first attempt does; afterwards it reconnects for
 * ever, and a command waits about 30 s for that before it is rejected.
 *
 * @throws {AmendsError} INVALID_OPTION for a URL that can't be read, STORE_UNREACHABLE naming host and port and what to do
 * @example const redis = await openRedis('redis://localhost:6379', { onError: (error) => log.warn({ error }, 'redis') });
 */
export async function openRedis(url: string, options: OpenRedisOptions = {}): Promise<Redis> {
  const address = addressOf(url);
  const startTimeoutMs = options.startTimeoutMs ?? 10_000;
  let started = false;
  let firstError: Error | undefined;
  const client: RedisOptions & { replyMapping: 'legacy' } = {
    connectionName: options.connectionName ?? 'amends',
    connectTimeout: Math.min(startTimeoutMs, 5_000),
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt - 1, 6), 2_000) + Math.floor(Math.random() * 100),
    maxRetriesPerRequest: 20,
    // A peer that is gone without a word: a command that got no answer for so long cuts the socket, and is sent again on the next one.
    socketTimeout: 15_000,
    // After a failover the address may lead to another server than the one this socket still holds. The command is rejected, not sent again:
    // where the address stays a replica's it would go round for ever.
    reconnectOnError: (error) => error.message.includes('READONLY'),
    ...options.client,
    lazyConnect: true,
    replyMapping: 'legacy',
  };
  const redis = settling(new Redis(url, client));
  redis.on('error', (error: Error) => {
    if (started) options.onError?.(bare(error));
    else firstError ??= bare(error);
  });
  try {
    await within(redis.connect(), startTimeoutMs);
    // The client goes on in database 0 when it may not select the one that was asked for.
    if (firstError !== undefined) throw firstError;
  } catch (error) {
    redis.disconnect();
    const cause = firstError ?? bare(error as Error);
    throw new AmendsError('STORE_UNREACHABLE', `can't use Redis at ${address.hostAndPort}: ${adviceFor(cause, address)}`, {
      cause,
      details: { address: address.hostAndPort },
    });
  }
  started = true;
  return redis;
}

/** How long a connection that is to be closed waits for an answer, in milliseconds. */
const LAST_ANSWER_MS = 2_000;

/** Whether an answer came in time. One that has come but could not be read yet, because this process was busy, counts. */
async function heard(answer: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = (): void => {
    settled = true;
  };
  const done = answer.then(settle, settle);
  const late = new AbortController();
  await Promise.race([done, delay(LAST_ANSWER_MS, undefined, { signal: late.signal }).catch(() => undefined)]);
  late.abort();
  if (!settled) await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

/** Ends a connection whose server is away or does not answer: what waits for it is rejected. */
export async function disconnectUnlessHeard(redis: Redis): Promise<void> {
  if (redis.status === 'end') return;
  if (redis.status !== 'ready' || !(await heard(redis.ping()))) redis.disconnect();
}

/** Closes a connection: when what was sent has been answered, or soon when the server is away. */
export async function closeRedis(redis: Redis): Promise<void> {
  if (redis.status === 'ready') await heard(redis.quit());
  redis.disconnect();
}

/** What a start-up log should say of the server. */
export interface RedisFacts {
  /** Which node of a cluster it is. */
  readonly node?: string;
  readonly version: string;
  /** `aof`: a crash loses at most about a second; `rdb`: what came after the last snapshot; `none`: everything; `unknown`: it may not be asked. */
  readonly persistence: 'aof' | 'rdb' | 'none' | 'unknown';
  readonly evictionPolicy: string;
  /** Sentences for the log: what a crash would lose, and refusals that `allowUnsafe` made into warnings. */
  readonly warnings: readonly string[];
}

const KEEP_MORE = 'run CONFIG SET appendonly yes, and set it in redis.conf too.';
const LOST_IN_A_CRASH: Readonly<Partial<Record<RedisFacts['persistence'], string>>> = {
  none: `Redis keeps nothing on disk, so a restart of it loses every transaction: ${KEEP_MORE}`,
  rdb: `Redis saves snapshots only, so a crash of it loses the transactions since the last one: ${KEEP_MORE}`,
};

function parseInfo(text: string): ReadonlyMap<string, string> {
  return new Map(text.split(/\r?\n/).flatMap((line) => (/^[a-z]/.test(line) ? [line.split(/:(.*)/s, 2) as [string, string]] : [])));
}

/** A parameter of the server, or `undefined` where `CONFIG` is not permitted (managed Redis). */
async function parameter(redis: Redis, name: string): Promise<string | undefined> {
  try {
    const [, value] = await redis.config('GET', name);
    return value;
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return undefined;
    throw error;
  }
}

async function persistenceOf(redis: Redis, info: ReadonlyMap<string, string>): Promise<RedisFacts['persistence']> {
  if (info.get('aof_enabled') === '1') return 'aof';
  const save = await parameter(redis, 'save');
  if (save === undefined) return 'unknown';
  return save === '' ? 'none' : 'rdb';
}

/**
 * Refuses a server that is too old, or that would throw transactions away when its memory is full. The latter also while it has no memory
 * limit, because one may be set at any time.
 *
 * @throws {AmendsError} STORE_UNSAFE with the command that sets it right
 */
export async function checkRedis(
  redis: Redis,
  options: { readonly allowUnsafe?: boolean | undefined; readonly cluster?: boolean | undefined } = {},
): Promise<RedisFacts> {
  const warnings: string[] = [];
  const refuse = (problem: string, details: Record<string, unknown>): void => {
    if (options.allowUnsafe !== true) {
      throw new AmendsError('STORE_UNSAFE', `${problem} To start all the same, pass allowUnsafeRedis: true.`, { details });
    }
    warnings.push(problem);
  };
  let info: ReadonlyMap<string, string> = new Map();
  try {
    info = parseInfo(await redis.info());
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ReplyError')) throw error;
  }

  const version = info.get('redis_version') ?? 'unknown';
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const oldest = options.cluster === true ? OLDEST_IN_CLUSTER : OLDEST;
  if (version !== 'unknown' && (major < oldest[0] || (major === oldest[0] && minor < oldest[1]))) {
    throw new AmendsError('STORE_UNSAFE', `this is Redis ${version}: use ${oldest.join('.')} or newer`, { details: { version } });
  }
  const evictionPolicy = info.get('maxmemory_policy') ?? (await parameter(redis, 'maxmemory-policy')) ?? 'unknown';
  if (evictionPolicy === 'unknown') {
    refuse('Redis does not tell its maxmemory-policy: permit it with ACL SETUSER <user> +info and make sure that it is noeviction.', {});
  } else if (evictionPolicy !== 'noeviction') {
    refuse(
      `Redis has maxmemory-policy ${evictionPolicy}, with which it deletes transactions when its memory is full: run CONFIG SET maxmemory-policy noeviction, and set it in redis.conf too.`,
      { evictionPolicy },
    );
  }
  const persistence = await persistenceOf(redis, info);
  const lost = LOST_IN_A_CRASH[persistence];
  if (lost !== undefined) warnings.push(lost);
  return { version, persistence, evictionPolicy, warnings };
}
