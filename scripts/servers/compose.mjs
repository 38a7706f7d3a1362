import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { freePort, run, works } from './process.mjs';

const file = fileURLToPath(new URL('../../docker-compose.yml', import.meta.url));

/** Tells whether an engine really answers: the command alone says nothing. */
export async function hasCompose() {
  return (await works('docker', ['info'])) && (await works('docker', ['compose', 'version']));
}

/** Starts services of docker-compose.yml under a project name and on ports of our own, so that those of a developer stay untouched. */
export async function startCompose(services) {
  const project = `amends-test-${randomBytes(4).toString('hex')}`;
  const ports = { redis: await freePort(), postgres: await freePort(), mariadb: await freePort() };
  const password = randomBytes(16).toString('hex');
  const env = {
    ...process.env,
    REDIS_PORT: String(ports.redis),
    POSTGRES_PORT: String(ports.postgres),
    POSTGRES_PASSWORD: password,
    MARIADB_PORT: String(ports.mariadb),
    MARIADB_PASSWORD: password,
  };
  // With the profile, `down` takes away what is only in it, too.
  const compose = (...args) => run('docker', ['compose', '-p', project, '-f', file, '--profile', 'test', ...args], { env });
  const stop = () => compose('down', '--volumes', '--timeout', '5');
  try {
    await compose('up', '--detach', '--wait', ...services);
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
  const urls = {
    redis: `redis://127.0.0.1:${ports.redis}`,
    postgres: `postgres://amends:${password}@127.0.0.1:${ports.postgres}/amends`,
    mariadb: `mysql://root:${password}@127.0.0.1:${ports.mariadb}/mysql`,
  };
  return Object.fromEntries(
    services.map((name) => [name, { url: urls[name], from: `Docker Compose, started on port ${ports[name]} (project ${project})`, stop }]),
  );
}
