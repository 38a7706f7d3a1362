import { randomBytes } from 'node:crypto';
import { chownSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createConnection } from 'mysql2/promise';
import { freePort, run, startServer, unprivilegedUser, works } from './process.mjs';

const OLDEST = [10, 6];

/** Rejects unless a MariaDB that is new enough answers at this URL, and lets us do what the tests do: a database for every suite, for one. */
export async function pingMariadb(url) {
  const connection = await createConnection({ uri: url, connectTimeout: 5000 });
  connection.on('error', () => {});
  try {
    const [[{ version }]] = await connection.query('SELECT VERSION() AS version');
    const [major, minor] = version.split('.').map(Number);
    if (!/mariadb/i.test(version) || major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
      throw new Error(`the tests need MariaDB ${OLDEST.join('.')} or newer, and this is ${version}`);
    }
    const trial = `amends_ping_${randomBytes(6).toString('hex')}`;
    await connection.query(`CREATE DATABASE ${trial}`);
    await connection.query(`DROP DATABASE ${trial}`);
    await connection.query('SELECT COUNT(*) FROM information_schema.innodb_trx'); // asks for the privilege PROCESS
  } finally {
    await connection.end().catch(() => {});
  }
}

/** Debian keeps servers in /usr/sbin, which is on the PATH of few users. */
function pathOf(command) {
  const folders = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  return [...folders, '/usr/sbin', '/usr/local/sbin'].map((folder) => join(folder, command)).find((path) => existsSync(path));
}

/** Where this machine has MariaDB, or `undefined`. */
export async function findMariadb() {
  const [server, install] = [pathOf('mariadbd'), pathOf('mariadb-install-db')]; // the latter has no option that only ends well
  return server !== undefined && install !== undefined && (await works(server, ['--version'])) ? { server, install } : undefined;
}

/** Starts a MariaDB of our own: loopback, free port, everything it keeps in a folder that goes with it. */
export async function startMariadb({ server, install }) {
  const user = await unprivilegedUser('MariaDB', ['mysql', 'nobody']);
  const as = user === undefined ? {} : { uid: user.uid, gid: user.gid };
  const folder = await mkdtemp(join(tmpdir(), 'amends-mariadb-'));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const data = join(folder, 'data');
  const password = randomBytes(16).toString('hex');
  const init = join(folder, 'init.sql');
  try {
    const account = `'amends'@'127.0.0.1'`;
    writeFileSync(init, `CREATE USER ${account} IDENTIFIED BY '${password}';\nGRANT ALL ON *.* TO ${account};\n`, { mode: 0o600 });
    if (user !== undefined) for (const path of [folder, init]) chownSync(path, user.uid, user.gid);
    // Nobody's option files: this server is the same on every machine.
    const initial = ['--no-defaults', `--datadir=${data}`, '--auth-root-authentication-method=socket', '--skip-test-db'];
    await run(install, initial, { ...as, cwd: folder });
    const port = await freePort();
    const url = `mysql://amends:${password}@127.0.0.1:${port}/mysql`;
    const settings = {
      datadir: data,
      'bind-address': '127.0.0.1',
      port,
      socket: 'mariadb.sock', // in the data folder: a whole path may be longer than a socket's may be
      'pid-file': 'mariadb.pid',
      'init-file': init,
      'skip-name-resolve': 'ON',
      'max-connections': 200,
      'innodb-flush-log-at-trx-commit': 0,
      'innodb-buffer-pool-size': '64M',
    };
    const options = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
    const stop = await startServer(server, ['--no-defaults', ...options], {
      ...as,
      cwd: folder,
      ready: () => pingMariadb(url),
      stopSignal: 'SIGTERM',
    });
    const runAs = user === undefined ? '' : ` as user ${user.name}`;
    return {
      url,
      from: `${server}, started on port ${port}${runAs}, flushing late: it is thrown away at the end`,
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
