// Brings up Redis, PostgreSQL, MariaDB and a Chromium, runs the tests on them (the arguments are vitest's), and stops what it started.
// The last line of the output is `N passed, N failed`; the exit code is 0 only when nothing failed and nothing was skipped.
import { bringUpChromium } from './servers/chromium.mjs';
import { runVitest } from './servers/vitest.mjs';
import { bringUpServers } from './servers/servers.mjs';

const interrupted = new AbortController();
const interrupt = (why) => {
  if (interrupted.signal.aborted) return;
  interrupted.abort(new Error(`stopped by ${why}`));
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => interrupt(signal));
// npm's shell dies of a SIGTERM without passing it on: being an orphan is the only sign of it.
const parent = process.ppid;
const watch = setInterval(() => process.ppid !== parent && interrupt('the end of the process that started it'), 500);
// The terminal or pipe may be gone before we are: nothing to say then, but servers to stop.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => interrupt('a closed output'));

const started = [];
let verdict = { passed: 0, failed: 1, skipped: 0, problems: [] };
try {
  const urls = await bringUpServers((server) => {
    started.push(server);
    interrupted.signal.throwIfAborted();
  });
  verdict = await runVitest(process.argv.slice(2), { ...urls, ...(await bringUpChromium()) }, interrupted.signal);
} catch (error) {
  verdict.problems.push(error.message);
}
for (const server of started.reverse()) {
  await server.stop().catch((error) => verdict.problems.push(`could not stop ${server.from}: ${error.message}`));
}
clearInterval(watch);

if (interrupted.signal.aborted) verdict.problems.push(interrupted.signal.reason.message);
for (const problem of new Set(verdict.problems)) console.error(problem);
const red = verdict.failed > 0 || verdict.problems.length > 0;
if (red && verdict.passed > 0) {
  console.error('To look at what red tests left in a store, run them with REDIS_URL, DATABASE_URL and MARIADB_URL of servers of your own.');
}
console.log(`${verdict.passed} passed, ${verdict.failed} failed${verdict.skipped > 0 ? `, ${verdict.skipped} skipped` : ''}`);
process.exitCode = red ? 1 : 0;
