import { Client, DatabaseError } from 'pg';

/** `object_in_use`: a session of it is still there, after the five seconds that the server waits for it to go. */
const IN_USE = '55006';

async function onServer(server: string, work: (client: Client) => Promise<unknown>): Promise<void> {
  const client = new Client({ connectionString: server });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

/** Makes an empty database on the server of that URL. Gives the database's URL. */
export async function createDatabase(server: string, name: string): Promise<string> {
  await onServer(server, (client) => client.query(`CREATE DATABASE ${name}`));
  const url = new URL(server);
  url.pathname = `/${name}`;
  return url.href;
}

/**
 * Removes a database. A pool that has ended may have sessions that are still on their way out (`pool.end()` doesn't wait for them), and
 * shows an end by force as an error that nobody listens to: they get their time, then force, as a red test may have left a session open.
 */
export async function dropDatabase(server: string, name: string): Promise<void> {
  await onServer(server, async (client) => {
    try {
      await client.query(`DROP DATABASE ${name}`);
    } catch (error) {
      if (!(error instanceof DatabaseError && error.code === IN_USE)) throw error;
      await client.query(`DROP DATABASE ${name} WITH (FORCE)`);
    }
  });
}
