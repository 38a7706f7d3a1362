import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    // Tests and examples name the package as its users do. Exact: `amends/testing` must not become a path below `amends`.
    alias: [
      { find: /^amends$/, replacement: at('src/index.ts') },
      { find: /^amends\/barrier$/, replacement: at('src/barrier/index.ts') },
      { find: /^amends\/events$/, replacement: at('src/connect-events.ts') },
      { find: /^amends\/testing$/, replacement: at('src/testing/index.ts') },
      { find: /^amends\/dashboard$/, replacement: at('dashboard/server/index.ts') },
    ],
  },
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/temporary-folder.ts'],
    setupFiles: ['test/support/open-handles.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    teardownTimeout: 10_000,
    // A test that stands alone by `.only` hides the others.
    allowOnly: false,
    dangerouslyIgnoreUnhandledErrors: false,
    typecheck: { enabled: true, include: ['test/types/**/*.test-d.ts'], tsconfig: 'tsconfig.json' },
  },
});
