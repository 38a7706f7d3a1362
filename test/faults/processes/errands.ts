import { afterEach, beforeEach } from 'vitest';
import type { WorkerOptions } from '../../../src/workers/worker.ts';
import { gate, useBench, type Bench } from '../../engine/fixture.ts';
import { serverUrl } from '../../support/server-url.ts';
import type { StoreKind } from '../../support/stores.ts';
import { Books, errandSaga, errandTcc, errands, type Conducts, type ErrandOptions, type Told } from './errand.ts';
import { WorkerProcess } from './worker-process.ts';

interface Hired {
  readonly conducts?: Conducts;
  readonly deadlineMs?: number;
  readonly clockSkewMs?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Errands on one store, with workers here and in processes of their own. */
export interface Errands {
  readonly bench: Bench;
  readonly books: Books;
  /** The saga, for starting it and for workers here. */
  saga(options?: Omit<ErrandOptions, 'books'>): ReturnType<typeof errandSaga>;
  tcc(): ReturnType<typeof errandTcc>;
  hire(hired: Hired, worker: Omit<WorkerOptions, 'sagas'>): Promise<WorkerProcess>;
  /** A worker here, of which `heard` tells what it does, and whose waiting actions go on when `finish` is opened. */
  work(
    conducts: Conducts,
    worker: Omit<WorkerOptions, 'sagas'>,
  ): Promise<{ readonly heard: (Told & { readonly at: number })[]; readonly finish: ReturnType<typeof gate> }>;
}

/** Gives the suite in which it is called errands; what they leave is taken away after each test. */
export function useErrands(kind: Exclude<StoreKind, 'embedded'>): Errands {
  const bench = useBench(kind);
  const hired: WorkerProcess[] = [];
  let books: Books;
  const schema = (): string => `${bench.store.namespace}_books`;
  const booksUrl = serverUrl('DATABASE_URL');

  beforeEach(async () => {
    books = new Books(booksUrl, schema());
    await books.create(schema());
  });
  afterEach(async () => {
    for (const worker of hired.splice(0)) await worker.kill();
    await books.drop(schema());
  });

  return {
    bench,
    get books() {
      return books;
    },
    saga: (options) => errandSaga({ books, ...options }),
    tcc: () => errandTcc({ books }),
    async hire({ clockSkewMs = 0, env = {}, ...settings }, worker) {
      const { url, namespace } = bench.store;
      const started = await WorkerProcess.start({ url, namespace, booksUrl, schema: schema(), ...settings, worker }, { clockSkewMs, env });
      hired.push(started);
      return started;
    },
    async work(conducts, worker) {
      const heard: (Told & { readonly at: number })[] = [];
      const finish = gate();
      const tell = (told: Told): void => void heard.push({ ...told, at: performance.now() });
      const other = await bench.other();
      const options = { books, conducts, tell, goOn: () => finish.opened };
      await other.worker({ sagas: errands(options), ...worker }).run();
      return { heard, finish };
    },
  };
}
