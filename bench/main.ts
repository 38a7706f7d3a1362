import { benchCluster } from './cluster.ts';
import { benchEvents } from './events.ts';
import { benchLists } from './lists.ts';
import { benchSagas } from './sagas.ts';
import { benchTcc } from './tcc.ts';
import { benchTelemetry } from './telemetry.ts';

const BENCHMARKS = new Map([
  ['events', benchEvents],
  ['cluster', benchCluster],
  ['lists', benchLists],
  ['telemetry', benchTelemetry],
  ['tcc', benchTcc],
]);

try {
  const args = process.argv.slice(2);
  const named = BENCHMARKS.get(args[0] ?? '');
  await (named === undefined ? benchSagas(args) : named(args.slice(1)));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}
