import { hasCompose, startCompose } from './compose.mjs';
import { findMariadb, pingMariadb, startMariadb } from './mariadb.mjs';
import { canInstall, install } from './packages.mjs';
import { findPostgres, pingPostgres, startPostgres } from './postgres.mjs';
import { findRedis, pingRedis, startRedis } from './redis.mjs';

/** @typedef {{ url: string, from: string, stop: () => Promise<unknown> }} Server */

const KINDS = {
  redis: { title: 'Redis', variable: 'REDIS_URL', ping: pingRedis, find: findRedis, start: startRedis },
  postgres: { title: 'PostgreSQL', variable: 'DATABASE_URL', ping: pingPostgres, find: findPostgres, start: startPostgres },
  mariadb: { title: 'MariaDB', variable: 'MARIADB_URL', ping: pingMariadb, find: findMariadb, start: startMariadb },
};

function withoutPassword(url) {
  return url.replace(/(?<=\/\/[^/@]*:)[^/@]*(?=@)/, '***');
}

/** The server that the environment names. A variable that is set and leads nowhere is an error: falling back would test something else. */
async function given({ title, variable, ping }) {
  const url = process.env[variable];
  if (url === undefined || url === '') return undefined;
  try {
    await ping(url);
  } catch (error) {
    const advice = `start that server, correct ${variable}, or unset it and one is started for you`;
    throw new Error(
      `${variable} is set to ${withoutPassword(url)}, but no usable ${title} answers there (${error.message || error.code}): ${advice}`,
      { cause: error },
    );
  }
  return { url, from: `${variable} (${withoutPassword(url)})`, stop: async () => {} };
}

async function local({ find, start }) {
  const where = await find();
  return where === undefined ? undefined : start(where);
}

function waysOut(missing) {
  const variables = missing.map((name) => KINDS[name].variable).join(' and ');
  return [
    `The tests need ${missing.map((name) => KINDS[name].title).join(' and ')}, and found no way to have it. Any one of these is enough:`,
    `  - set ${variables} to servers for tests (${missing.map((name) => `${KINDS[name].variable}=${name}://…`).join(' ')})`,
    '  - install the servers: redis-server on PATH; initdb and postgres on PATH or in /usr/lib/postgresql/<version>/bin;',
    '    mariadb-install-db on PATH, and mariadbd there or in /usr/sbin',
    '  - start a Docker engine that has Docker Compose (`docker info` and `docker compose version` must succeed)',
    '  - on Debian or Ubuntu, run as root once: the packages are then installed with apt-get',
  ].join('\n');
}

/**
 * Brings up every store that the tests need. What was started is handed to `onStarted` at once, so that whoever is interrupted in between
 * can stop it.
 *
 * @param {(server: Server) => void} onStarted
 */
export async function bringUpServers(onStarted) {
  const servers = {};
  const keep = (name, server) => {
    if (server === undefined) return;
    servers[name] = server;
    onStarted(server);
    console.log(`${KINDS[name].title}: ${server.from}`);
  };
  const missing = () => Object.keys(KINDS).filter((name) => servers[name] === undefined);

  for (const name of missing()) keep(name, await given(KINDS[name]));
  for (const name of missing()) keep(name, await local(KINDS[name]));
  if (missing().length > 0 && (await hasCompose())) {
    for (const [name, server] of Object.entries(await startCompose(missing()))) keep(name, server);
  }
  if (missing().length > 0 && canInstall()) {
    await install(missing());
    for (const name of missing()) keep(name, await local(KINDS[name]));
  }
  if (missing().length > 0) throw new Error(waysOut(missing()));
  return Object.fromEntries(Object.entries(KINDS).map(([name, { variable }]) => [variable, servers[name].url]));
}
