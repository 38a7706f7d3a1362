import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../../src/connections/embedded.ts';
import { migrate } from '../../src/connections/migrate.ts';
import { createPostgresBackend } from '../../src/events/postgres/backend.ts';
import { createPostgresJournal } from '../../src/journal/postgres/postgres-journal.ts';
import { copyEmbeddedStore } from './embedded-template.ts';
import type { Place } from './place.ts';
import { sqlTimeMs, tablesWith } from './sql-inspection.ts';

/** A folder of its own. It takes one process and has one session: all that is opened here shares it. */
export async function createEmbeddedPlace(namespace: string): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), `amends-${namespace}-`));
  await copyEmbeddedStore(folder);
  let embedded: ReturnType<typeof openEmbedded> | undefined;
  // Opened when it is first asked for: a test that connects to the folder itself needs it free.
  const open = async () => (await (embedded ??= openEmbedded({ folder }))).pool;
  return {
    url: folder,
    description: `folder ${folder}`,

    async open(name) {
      const pool = await open();
      await migrate(pool, name);
      const journal = createPostgresJournal({ pool, namespace: name });
      const backend = createPostgresBackend({ pool, namespace: name });
      return {
        events: backend.store,
        backend,
        journal,
        sql: pool,
        close: async () => {
          await backend.close();
          await journal.close();
        },
      };
    },

    serverTimeMs: async () => sqlTimeMs(await open()),
    traces: async (text) => tablesWith(await open(), namespace, text),
    cutListeners: async () => 0,

    async end({ keep }) {
      await (await embedded)?.close();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}
