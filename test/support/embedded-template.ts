import { existsSync } from 'node:fs';
import { cp, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';
import { openEmbedded } from '../../src/connections/embedded.ts';

/** An embedded store that was made and closed. The first who asks makes it. */
async function template(): Promise<string> {
  const made = join(inject('temporaryFolder'), 'embedded-template');
  if (existsSync(made)) return made;
  const draft = await mkdtemp(`${made}-`);
  await (await openEmbedded({ folder: draft })).close();
  // Another test file may have been faster: a folder does not replace one that has something in it.
  await rename(draft, made).catch(() => rm(draft, { recursive: true }));
  return made;
}

/** Fills a folder with a fresh embedded store. Copying one takes a tenth of the time that making it does. */
export async function copyEmbeddedStore(folder: string): Promise<void> {
  await cp(await template(), folder, { recursive: true, filter: (path) => !/[/\\]lock\.\d+$/.test(path) });
}
