import { PostgresQueueBackend, RedisQueueBackend, type BackendFactory, type IQueueBackend, type JobJson } from 'bullmq';
import type { StoreClock } from '../journal/clock.ts';

/** Milliseconds since the epoch, and nothing else that BullMQ passes on: not a duration, a count or a priority. */
function isTime(value: unknown): value is number {
  return typeof value === 'number' && value > 1e12 && value < 1e14;
}

/** What a fetch answers: the job, its id, the rate limit, and when the next delayed job is due. */
type Fetched = [job: JobJson | null, id: string, limitMs: number, delayUntilMs: number];

/** What adds a job on PostgreSQL: its timestamp is given in its options, in the store's time. (On Redis it is packed, and no number here.) */
const ADD_JOB = 'add_job';

/** PostgreSQL's backend as far as it is private: every statement goes through here. */
interface Statements {
  run(command: string, params?: readonly unknown[]): Promise<{ rows: readonly { readonly next_delay?: string | null }[] }>;
}

/** Times that go to the store. */
function correctOutgoing(backend: IQueueBackend, offsetMs: () => number): void {
  const toStore = (args: unknown[]): unknown[] => {
    const offset = offsetMs();
    return offset === 0 ? args : args.map((arg) => (isTime(arg) ? arg + offset : arg));
  };
  if (backend instanceof RedisQueueBackend) {
    const execCommand = backend.execCommand.bind(backend);
    backend.execCommand = (client, name, args: unknown[]): unknown => execCommand(client, name, toStore(args));
  }
  if (backend instanceof PostgresQueueBackend) {
    const statements = backend as unknown as Statements;
    const run = statements.run.bind(backend);
    statements.run = (command, params = []) => run(command, command === ADD_JOB ? params : toStore([...params]));
  }
}

/** Times that come from the store, and that BullMQ compares with this process's clock: when to look for delayed jobs, and when to renew a lock. */
function correctIncoming(backend: IQueueBackend, offsetMs: () => number): void {
  const corrected = new WeakSet<object>(); // one of these methods may answer with another one's answer
  const correct = (answer: unknown): void => {
    const offset = offsetMs();
    if (offset === 0 || !Array.isArray(answer) || corrected.has(answer)) return;
    corrected.add(answer);
    const fetched = answer as Partial<Fetched>;
    if (isTime(fetched[3])) fetched[3] -= offset;
    if (isTime(fetched[0]?.processedOn)) fetched[0].processedOn -= offset;
  };
  const moveToActive = backend.moveToActive.bind(backend);
  const moveToDelayed = backend.moveToDelayed.bind(backend);
  const moveToCompleted = backend.moveToCompleted.bind(backend);
  const moveToFailed = backend.moveToFailed.bind(backend);
  const waitForJob = backend.waitForJob.bind(backend);
  backend.moveToActive = async (...args) => {
    const fetched = await moveToActive(...args);
    correct(fetched);
    return fetched;
  };
  backend.moveToDelayed = async (...args) => {
    const fetched = await moveToDelayed(...args);
    correct(fetched);
    return fetched;
  };
  backend.moveToCompleted = async (...args) => {
    const finished = await moveToCompleted(...args);
    correct(finished.result);
    return finished;
  };
  backend.moveToFailed = async (...args) => {
    const finished = await moveToFailed(...args);
    correct(finished.result);
    return finished;
  };
  backend.waitForJob = async (...args) => {
    const found = await waitForJob(...args);
    return found !== null && isTime(found.score) ? { ...found, score: found.score - offsetMs() } : found;
  };
  if (!(backend instanceof PostgresQueueBackend)) return;
  // It also asks for the next delayed job by itself.
  const statements = backend as unknown as Statements;
  const run = statements.run.bind(backend);
  statements.run = async (command, params) => {
    const result = await run(command, params);
    if (command !== 'next_delay' || typeof result.rows[0]?.next_delay !== 'string') return result;
    return { ...result, rows: [{ next_delay: String(Number(result.rows[0].next_delay) - offsetMs()) }] };
  };
}

/**
 * BullMQ dates delays by the clock of whoever delays, and compares them with the clock of whoever fetches; on PostgreSQL its locks too. With one
 * clock two hours off, retries would come at once or hours late, and healthy jobs would be taken for lost. The backends made here speak the
 * store's time to the store and this process's time to BullMQ. (BullMQ has no option for its clock.)
 */
export function onStoreTime(factory: BackendFactory, clock: StoreClock): BackendFactory {
  const offsetMs = (): number => (clock.isAway ? clock.nowMs() - Date.now() : 0);
  return (name, options, more): IQueueBackend => {
    const backend = factory(name, options, more);
    correctOutgoing(backend, offsetMs);
    correctIncoming(backend, offsetMs);
    return backend;
  };
}
