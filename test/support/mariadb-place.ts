import { createConnection } from 'mysql2/promise';
import { serverUrl } from './server-url.ts';

/** A database that nobody else uses. */
export interface MariadbPlace {
  readonly url: string;
  end(): Promise<void>;
}

async function onServer(sql: string): Promise<void> {
  const connection = await createConnection(serverUrl('MARIADB_URL'));
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}

/** A database of its own on the server of MARIADB_URL. */
export async function createMariadbPlace(name: string): Promise<MariadbPlace> {
  await onServer(`CREATE DATABASE ${name}`);
  const url = new URL(serverUrl('MARIADB_URL'));
  url.pathname = `/${name}`;
  return { url: url.href, end: () => onServer(`DROP DATABASE ${name}`) };
}
