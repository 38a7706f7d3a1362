import { readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AmendsError } from 'amends';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Locks that this process holds: after a restart of a container another process may have had the same id. */
const held = new Set<string>();

/**
 * Takes a folder for this process: two engines on the files of one embedded database destroy them. Gives the function that lets go.
 *
 * @throws {AmendsError} STORE_LOCKED
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(await realpath(folder), 'order-example.lock');
  const owner = Number(await readFile(path, 'utf8').catch(() => ''));
  const abandoned = owner > 0 && !held.has(path) && (owner === process.pid || !isAlive(owner));
  if (abandoned) await rm(path, { force: true });
  try {
    await writeFile(path, String(process.pid), { flag: 'wx' });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
    throw new AmendsError(
      'STORE_LOCKED',
      `${folder} is in use by process ${owner}: stop it (if it is gone, remove ${path}), or set ORDER_DATABASE_URL so that processes can share`,
      { cause },
    );
  }
  held.add(path);
  return async () => {
    held.delete(path);
    await rm(path, { force: true });
  };
}
