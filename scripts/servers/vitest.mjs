import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const vitest = join(root, 'node_modules/vitest/vitest.mjs');

/** Only who asks for some of the tests by their name may leave the others out. */
const asksByName = (args) => args.some((arg) => arg === '-t' || /^(-t|--testNamePattern|--test-name-pattern)(=|$)/.test(arg));

/** What vitest's JSON says, or `undefined` when it did not come to write any. */
function readReport(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined;
}

function signalGroup(leader, signal) {
  if (leader === undefined) return;
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error; // ESRCH: nobody is left in it
  }
}

/** @typedef {{ passed: number, failed: number, skipped: number, problems: string[] }} Verdict `problems`: why it is red beside failed tests */

/** @returns {Verdict} */
function judge({ report, ended, allowSkipped }) {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0, problems: [`vitest ended with ${ended} and left no result`] };
  const skipped = report.numPendingTests + report.numTodoTests;
  const passed = report.numPassedTests;
  // A file that can't be loaded, or whose hook throws, fails without a failed test in it.
  const files = report.testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  );
  let failed = report.numFailedTests + files.length;
  const problems = files.map(({ name, message }) => `${name} failed outside of its tests: ${message.split('\n')[0]}`);
  if (passed + failed === 0) {
    problems.push('no test ran');
    failed = 1;
  }
  if (skipped > 0 && !allowSkipped) problems.push(`${skipped} tests were skipped, and nothing may be skipped`);
  if (ended !== 0 && failed === 0) {
    problems.push(`vitest ended with ${ended} although no test failed: an unhandled error, a leak or a type error stands above`);
    failed = 1;
  }
  return { passed, failed, skipped, problems };
}

/**
 * Runs vitest with these servers in its environment, its readable output on ours.
 *
 * @param {string[]} args
 * @param {Record<string, string>} urls
 * @param {AbortSignal} signal
 * @returns {Promise<Verdict>}
 */
export async function runVitest(args, urls, signal) {
  const folder = mkdtempSync(join(tmpdir(), 'amends-test-'));
  const reportPath = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportPath}`];
    const child = spawn(process.execPath, [vitest, 'run', ...reporters, ...args], {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...urls },
      // A process group of its own: vitest leaves its workers behind when it is stopped or dies, and tests may leave theirs.
      detached: true,
    });
    const stop = () => signalGroup(child.pid, 'SIGTERM');
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    const ended = await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, killedBy) => resolve(code ?? killedBy));
    });
    signalGroup(child.pid, 'SIGKILL');
    return judge({ report: readReport(reportPath), ended, allowSkipped: asksByName(args) });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
