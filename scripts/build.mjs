// Compiles TypeScript and copies the files the code reads at run time (Lua, SQL, styles) beside the output.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = join(root, 'dist');
// Built beside the old output and put in its place at the end, so that a running worker or test does not find half of it.
const draft = join(root, `dist.${process.pid}`);

function build() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = ['-p', join(root, 'tsconfig.build.json'), '--outDir', draft];
  const { status } = spawnSync(process.execPath, [compiler, ...options], { stdio: 'inherit' });
  if (status !== 0) return status ?? 1;
  for (const folder of ['src', 'dashboard', 'examples']) {
    for (const file of readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })) {
      if (/\.(lua|sql|css|html)$/.test(file)) cpSync(join(root, folder, file), join(draft, folder, file));
    }
  }
  rmSync(target, { recursive: true, force: true });
  renameSync(draft, target);
  return 0;
}

try {
  process.exitCode = build();
} finally {
  rmSync(draft, { recursive: true, force: true });
}
