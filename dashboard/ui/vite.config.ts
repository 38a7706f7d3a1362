import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

/** The console as static files that work under any path: all its own URLs are relative to the script. */
export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: './',
  logLevel: 'warn',
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: fileURLToPath(new URL('../../dist/dashboard/ui', import.meta.url)),
    emptyOutDir: true,
    // Nothing inlined as data: URLs, and no polyfill: the page's policy allows neither inline script nor foreign sources.
    assetsInlineLimit: 0,
    modulePreload: false,
    // A busy machine is no fault of the bundle.
    rolldownOptions: { checks: { pluginTimings: false } },
    target: 'es2022',
    cssTarget: ['chrome123', 'firefox128', 'safari17.5'],
  },
});
