// A worker in a process of its own, run by worker-process.ts: its settings as JSON, what happens as messages.
import { pino } from 'pino';
import { connect } from '../../../src/amends.ts';
import { exportSpansTo } from '../../telemetry/otlp.ts';
import { Books, errands, type Told } from './errand.ts';
import type { WorkerSettings } from './worker-process.ts';

const { url, namespace, booksUrl, schema, conducts, deadlineMs, worker } = JSON.parse(process.argv[2]!) as WorkerSettings;

/** Resolves when it is on its way: an action that blocks the process right after would keep it back. */
function tell(told: Told): Promise<void> {
  return new Promise((resolve) => process.send!(told, () => resolve()));
}

const mayGoOn = new Set<string>();
process.on('message', (of: string) => {
  mayGoOn.add(of);
  process.emit('go on' as never);
});
const goOn = async (of: string): Promise<void> => {
  while (!mayGoOn.has(of)) await new Promise((resolve) => process.once('go on', resolve));
};

const spansUrl = process.env['SPANS_URL'];
if (spansUrl !== undefined) exportSpansTo(spansUrl);

const books = new Books(booksUrl, schema);
const amends = await connect(url, { namespace, logger: pino({ level: process.env['FAULT_LOG'] ?? 'silent' }, pino.destination(2)) });
const options = { books, tell, goOn, ...(conducts && { conducts }), ...(deadlineMs !== undefined && { deadlineMs }) };
await amends.worker({ sagas: errands(options), ...worker }).run();
process.once('SIGTERM', () => {
  void amends.close().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
await tell({ what: 'ready' });
