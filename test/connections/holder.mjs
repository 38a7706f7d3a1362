// A process that opens the embedded store in the folder given, adds a row to it, says how that went, and stays until it is killed or told to close.
import { createViteServer } from 'vitest/node';

const root = new URL('../..', import.meta.url).pathname;
const vite = await createViteServer({
  root,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
const { openEmbedded } = await vite.ssrLoadModule('/src/connections/embedded.ts');

process.send({ ready: true });
await new Promise((resolve) => process.once('message', resolve));
try {
  const store = await openEmbedded({ folder: process.argv[2] });
  await store.pool.query('CREATE TABLE IF NOT EXISTS holders (pid integer NOT NULL)');
  await store.pool.query('INSERT INTO holders VALUES ($1)', [process.pid]);
  process.send({ opened: true });
  await new Promise((resolve) => process.once('message', resolve));
  await store.close();
} catch (error) {
  process.send({ opened: false, code: error.code, message: error.message });
}
await vite.close();
process.disconnect();
