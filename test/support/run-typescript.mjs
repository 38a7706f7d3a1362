// Runs a module written in TypeScript in a process of its own: `fork(run-typescript.mjs, [path, …its arguments])`.
import { createViteServer } from 'vitest/node';

const [path] = process.argv.splice(2, 1);
const vite = await createViteServer({
  root: new URL('../..', import.meta.url).pathname,
  configFile: false,
  logLevel: 'error',
  appType: 'custom',
  optimizeDeps: { noDiscovery: true, include: [] },
  server: { middlewareMode: true, hmr: false, ws: false, watch: null },
});
// Left open: the module may import more later.
await vite.ssrLoadModule(path);
