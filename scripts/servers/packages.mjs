import { existsSync } from 'node:fs';
import { run } from './process.mjs';

const PACKAGES = {
  redis: 'redis-server',
  postgres: 'postgresql',
  mariadb: 'mariadb-server',
  chromium: 'chromium',
  prometheus: 'prometheus',
};

/** Tells whether this is a machine that we may and can install Debian packages on. */
export function canInstall() {
  return process.getuid?.() === 0 && existsSync('/etc/debian_version') && existsSync('/usr/bin/apt-get');
}

/** Installs the servers, or the browser, that are missing, in plain sight. The services that the packages may start are not used, and left alone. */
export async function install(stores) {
  const packages = stores.map((store) => PACKAGES[store]);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  console.log(`Not on this machine: ${stores.join(', ')}. Installing: apt-get update && apt-get install -y ${packages.join(' ')}`);
  await run('apt-get', ['update'], { env, show: true });
  await run('apt-get', ['install', '-y', '--no-install-recommends', ...packages], { env, show: true });
}

/** What `find` finds of a store: on this machine, or when it has been installed. */
export async function found(store, find) {
  const here = await find();
  if (here !== undefined) return here;
  if (canInstall()) await install([store]);
  const now = await find();
  if (now === undefined)
    throw new Error(`there is no ${store} on this machine: install it (on Debian, apt-get install ${PACKAGES[store]})`);
  return now;
}
