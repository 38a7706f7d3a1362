// Compiles a folder of TypeScript that is not part of the package, and runs its `main.ts`: `node scripts/compiled.mjs bench …its arguments`.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [folder, ...args] = process.argv.slice(2);
// In a folder of its own, beside `dist`: the processes of a run must find their code until its end, whoever builds meanwhile.
const target = join(root, `dist.${folder.replaceAll('/', '-')}-${process.pid}`);

function compile() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, folder, 'tsconfig.json'), '--outDir', target], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${folder} does not compile`);
  cpSync(join(root, 'scripts/servers'), join(target, 'scripts/servers'), { recursive: true });
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (/\.(lua|sql)$/.test(file)) cpSync(join(root, 'src', file), join(target, 'src', file));
  }
}

try {
  compile();
  const child = spawn(process.execPath, ['--enable-source-maps', join(target, folder, 'main.js'), ...args], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // It cleans up after itself. A signal to the terminal's group has reached it already; a second one does no harm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
} finally {
  rmSync(target, { recursive: true, force: true });
}
