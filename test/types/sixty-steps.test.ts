import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { sixtySteps } from './sixty-steps.ts';

const run = promisify(execFile);
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin', 'tsc');
const project = fileURLToPath(new URL('sixty-steps.tsconfig.json', import.meta.url));

/** Twice what it takes now, of which 30 000 are the schemas. A type that grows with the square of the steps would be far beyond. */
const MOST_INSTANTIATIONS = 500_000;

test('a saga of 60 steps is checked without an explosion of types', { timeout: 120_000 }, async () => {
  const { stdout } = await run(process.execPath, [compiler, '-p', project, '--noEmit', '--extendedDiagnostics']);
  const instantiations = Number(/^Instantiations:\s+(\d+)$/m.exec(stdout)?.[1]);
  expect(instantiations).toBeGreaterThan(30_000);
  expect(instantiations).toBeLessThan(MOST_INSTANTIATIONS);
});

test('and it is a saga', () => {
  expect(sixtySteps.plan.stages).toHaveLength(48);
  expect(sixtySteps.contracts).toHaveLength(60);
});
