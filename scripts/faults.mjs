// Compiles the fault kit with the sources it runs on, and runs it: `npm run faults -- --help`. The exit code is the run's.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// In a folder of its own, beside `dist`: worker processes of a run must find their code until its end, whoever builds meanwhile.
const target = join(root, `dist.faults-${process.pid}`);

function compile() {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [compiler, '-p', join(root, 'test/faults/run/tsconfig.json'), '--outDir', target], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the fault kit does not compile');
  for (const file of readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (/\.(lua|sql)$/.test(file)) cpSync(join(root, 'src', file), join(target, 'src', file));
  }
}

try {
  compile();
  const child = spawn(process.execPath, ['--enable-source-maps', join(target, 'test/faults/run/main.js'), ...process.argv.slice(2)], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // It cleans up after itself. A signal to the terminal's group has reached it already; a second one does no harm.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise((resolve) => child.once('close', (code) => resolve(code ?? 1)));
} finally {
  rmSync(target, { recursive: true, force: true });
}
