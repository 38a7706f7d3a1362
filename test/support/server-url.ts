/** The server that `scripts/test.mjs`, or whoever runs vitest without it, has put into the environment. */
export function serverUrl(variable: 'REDIS_URL' | 'DATABASE_URL' | 'MARIADB_URL'): string {
  const url = process.env[variable];
  if (url !== undefined && url !== '') return url;
  throw new Error(`${variable} is not set: run \`npm test\`, which brings up the servers, or set it to a server for tests`);
}
