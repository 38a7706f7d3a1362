import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { freePort, OwnServer, SmallDisk } from './own-server.ts';

const execute = promisify(execFile);

async function pingRedis(url: string): Promise<void> {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 1_000, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined); // what fails tells it
  try {
    await redis.connect();
    await redis.ping(); // not before it has read its file
  } finally {
    redis.disconnect();
  }
}

async function pingPostgres(url: string): Promise<void> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 1_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
  } finally {
    await client.end();
  }
}

async function works(command: string): Promise<boolean> {
  return execute(command, ['--version']).then(
    () => true,
    () => false,
  );
}

/** `always`, not `everysec`: while an fsync is under way, the latter answers for up to two seconds before it writes, and a kill then loses what it acknowledged. */
const REDIS_SETTINGS = ['--appendonly', 'yes', '--appendfsync', 'always', '--save', '', '--maxmemory-policy', 'noeviction'];

/** Starts a Redis that keeps what it has acknowledged when it is killed. `undefined`: this machine has none. */
export async function ownRedis(folder: string): Promise<OwnServer | undefined> {
  const [command] = await Promise.all(['redis-server', 'valkey-server'].map(async (name) => ((await works(name)) ? name : undefined))).then(
    (found) => found.filter((name) => name !== undefined),
  );
  if (command === undefined) return undefined;
  const disk = await SmallDisk.mount(join(folder, 'redis'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  const server = new OwnServer(url, disk, {
    command,
    args: ['--bind', '127.0.0.1', '--port', String(port), '--dir', join(folder, 'redis'), ...REDIS_SETTINGS],
    spawn: {},
    log: join(folder, 'redis.log'),
    ping: () => pingRedis(url),
    stopSignal: 'SIGTERM',
  });
  return started(server);
}

async function started(server: OwnServer): Promise<OwnServer> {
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

/** The folder of PostgreSQL's programs: the newest that Debian's packages have put aside, or '' for those on PATH. */
async function postgresPrograms(): Promise<string | undefined> {
  if ((await works('initdb')) && (await works('postgres'))) return '';
  const packaged = '/usr/lib/postgresql';
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(packaged, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/** PostgreSQL refuses root. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const ids = await Promise.all(['-u', '-g'].map(async (flag) => Number((await execute('id', [flag, 'postgres'])).stdout)));
  return { uid: ids[0]!, gid: ids[1]! };
}

/** fsync off: the process is killed here, never the machine, and what it wrote stays with the kernel. */
const POSTGRES_SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: 300,
  fsync: 'off',
  deadlock_timeout: '50ms',
  max_wal_size: '128MB',
  shared_buffers: '64MB',
};

/** Starts a PostgreSQL that can be killed. `undefined`: this machine has none. */
export async function ownPostgres(folder: string): Promise<OwnServer | undefined> {
  const programs = await postgresPrograms();
  if (programs === undefined) return undefined;
  const as = await unprivileged();
  const home = join(folder, 'postgres');
  mkdirSync(home, { recursive: true });
  const disk = await SmallDisk.mount(home);
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(folder, 'postgres-password');
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (as !== undefined) for (const path of [home, passwordFile]) chownSync(path, as.uid, as.gid);
  chmodSync(folder, 0o711); // the way to its home
  const data = join(home, 'data');
  const initial = [
    '-D',
    data,
    '-U',
    'amends',
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--encoding=UTF8',
    '--locale=C',
    '--no-sync',
  ];
  await execute(join(programs, 'initdb'), initial, { ...as, cwd: home, env: { ...process.env, LC_ALL: 'C' } });
  const port = await freePort();
  const url = `postgres://amends:${password}@127.0.0.1:${port}/postgres`;
  const settings = Object.entries({ ...POSTGRES_SETTINGS, port }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = new OwnServer(url, disk, {
    command: join(programs, 'postgres'),
    args: ['-D', data, ...settings],
    spawn: { ...as, cwd: home },
    log: join(folder, 'postgres.log'),
    ping: () => pingPostgres(url),
    stopSignal: 'SIGINT',
  });
  return started(server);
}
