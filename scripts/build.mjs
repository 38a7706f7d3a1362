// Compiles TypeScript, copies the files the code reads at run time (Lua, SQL, styles) beside the output, and bundles the console.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist');
// Built beside the old output and put in its place at the end, so that a running worker or test does not find half of it.
const draft = join(root, `dist.${process.pid}`);

/** Runs a tool of node_modules. Gives its exit code. */
async function run(tool, ...args) {
  const child = spawn(process.execPath, [join(root, 'node_modules', tool), ...args], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'close');
  return code ?? 1;
}

async function build() {
  const codes = await Promise.all([
    run('typescript/bin/tsc', '-p', join(root, 'tsconfig.build.json'), '--outDir', draft),
    run('vite/bin/vite.js', 'build', '--config', join(root, 'dashboard/ui/vite.config.ts'), '--outDir', join(draft, 'dashboard/ui')),
  ]);
  const failed = codes.find((code) => code !== 0);
  if (failed !== undefined) return failed;
  for (const folder of ['src', 'dashboard/server', 'examples']) {
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (/\.(lua|sql|css|html)$/.test(file)) cpSync(join(root, folder, file), join(draft, folder, file));
    }
  }
  rmSync(target, { recursive: true, force: true });
  renameSync(draft, target);
  return 0;
}

try {
  process.exitCode = await build();
} finally {
  rmSync(draft, { recursive: true, force: true });
}
