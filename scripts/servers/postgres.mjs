import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { freePort, run, startServer, unprivilegedUser, works } from './process.mjs';

/** Rejects unless a PostgreSQL answers at this URL and lets us create databases: every suite has one of its own. */
export async function pingPostgres(url) {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query(
      'SELECT current_user AS name, rolcreatedb OR rolsuper AS creates FROM pg_roles WHERE rolname = current_user',
    );
    if (!rows[0].creates) throw new Error(`the role ${rows[0].name} may not create databases: ALTER ROLE ${rows[0].name} CREATEDB`);
  } finally {
    await client.end();
  }
}

/** The folder with `initdb` and `postgres`: the one on PATH (''), or the newest that Debian's packages have put aside; or `undefined`. */
export async function findPostgres() {
  if ((await works('initdb', ['--version'])) && (await works('postgres', ['--version']))) return '';
  const packaged = '/usr/lib/postgresql';
  if (!existsSync(packaged)) return undefined;
  const versions = readdirSync(packaged).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(packaged, version, 'bin')).find((bin) => existsSync(join(bin, 'initdb')));
}

/**
 * Starts a PostgreSQL of our own: loopback, free port, everything it keeps in a folder that goes with it.
 *
 * @param {Record<string, string>} own overrides its settings
 */
export async function startPostgres(bin, own = {}) {
  const user = await unprivilegedUser('PostgreSQL', ['postgres', 'nobody']);
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const folder = await mkdtemp(join(tmpdir(), 'amends-postgres-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const data = join(folder, 'data');
  const password = randomBytes(16).toString('hex');
  const passwordFile = join(folder, 'password');
  try {
    writeFileSync(passwordFile, password, { mode: 0o600 });
    if (user !== undefined) for (const path of [folder, passwordFile]) chownSync(path, user.uid, user.gid);
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
    await run(join(bin, 'initdb'), initial, { ...as, cwd: folder, env: { ...process.env, LC_ALL: 'C' } });
    const port = await freePort();
    const url = `postgres://amends:${password}@127.0.0.1:${port}/postgres`;
    const settings = { listen_addresses: '127.0.0.1', port, unix_socket_directories: '', max_connections: 200, fsync: 'off', ...own };
    const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const stop = await startServer(join(bin, 'postgres'), ['-D', data, ...options], {
      ...as,
      cwd: folder,
      ready: () => pingPostgres(url),
      stopSignal: 'SIGINT', // "fast": sessions that a failed test left open do not hold it up
    });
    const runAs = user === undefined ? '' : ` as user ${user.name}`;
    return {
      url,
      from: `${join(bin, 'postgres')}, started on port ${port}${runAs} with fsync ${settings.fsync}: it is thrown away at the end`,
      stop: async () => {
        await stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}
