import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { createEmbeddedPlace } from './embedded-place.ts';
import type { OpenStore, Place } from './place.ts';
import { createPostgresPlace } from './postgres-place.ts';
import { createRedisPlace } from './redis-place.ts';

export const STORE_KINDS = ['redis', 'postgres', 'embedded'] as const;
export type StoreKind = (typeof STORE_KINDS)[number];

/** The store of a suite: usable in its hooks and tests, not while it is declared. */
export interface TestStore {
  readonly kind: StoreKind;
  readonly url: string;
  readonly namespace: string;
  /** Closed at the end of the suite, if not before. A namespace of its own shares the server, the database or the folder and sees nothing else. */
  open(namespace?: string): Promise<OpenStore>;
  serverTimeMs(): Promise<number>;
  traces(text: string): Promise<string[]>;
  cutListeners(): Promise<number>;
}

/** The first embedded store of a run makes the template of all others, which takes a busy machine its time. */
const CREATION_MS = 120_000;

const CREATE: Record<StoreKind, (namespace: string) => Promise<Place>> = {
  redis: createRedisPlace,
  postgres: createPostgresPlace,
  embedded: createEmbeddedPlace,
};

/** Gives the suite in which it is called a store of its own. When a test is red, its data is kept and the failure says where. */
export function useStore(kind: StoreKind, create: (namespace: string) => Promise<Place> = CREATE[kind]): TestStore {
  const namespace = `test_${randomBytes(6).toString('hex')}`;
  const opened = new Set<OpenStore>();
  let created: Place | undefined;
  const place = (): Place => {
    if (created === undefined) throw new Error('the store exists only in hooks and tests: use it there');
    return created;
  };

  beforeAll(async () => {
    created = await create(namespace);
  }, CREATION_MS);

  let red = false;
  beforeEach(({ onTestFailed }) => {
    onTestFailed(({ task }) => {
      red = true;
      const error = task.result?.errors?.[0];
      if (error !== undefined) error.message += `\n(its data is kept: ${place().description})`;
    });
  });

  afterAll(async () => {
    const closed = await Promise.allSettled([...opened].map((store) => store.close()));
    await created?.end({ keep: red });
    for (const result of closed) if (result.status === 'rejected') throw result.reason;
  });

  return {
    kind,
    namespace,
    get url() {
      return place().url;
    },
    async open(name = namespace) {
      const store = await place().open(name);
      const tracked: OpenStore = {
        ...store,
        close: async () => {
          if (opened.delete(tracked)) await store.close();
        },
      };
      opened.add(tracked);
      return tracked;
    },
    serverTimeMs: () => place().serverTimeMs(),
    traces: (text) => place().traces(text),
    cutListeners: () => place().cutListeners(),
  };
}

function describeStores(kinds: readonly StoreKind[], title: string, declare: (store: TestStore) => void): void {
  describe.each(kinds)(`${title} on %s`, (kind) => {
    declare(useStore(kind));
  });
}

/** Declares a suite once for every store. */
export function describeEachStore(title: string, declare: (store: TestStore) => void): void {
  describeStores(STORE_KINDS, title, declare);
}

/** The same for the stores that can join the caller's SQL transaction. */
export function describeEachSqlStore(title: string, declare: (store: TestStore) => void): void {
  describeStores(['postgres', 'embedded'], title, declare);
}

/** The same for the stores that are servers: several processes share them, and connections to them break. */
export function describeEachServer(title: string, declare: (store: TestStore) => void): void {
  describeStores(['redis', 'postgres'], title, declare);
}

/** The same for a journal on Redis that is divided among shards. */
export function describeShards(title: string, shards: number, declare: (store: TestStore) => void): void {
  describe(`${title} on redis in ${shards} shards`, () => {
    declare(useStore('redis', (namespace) => createRedisPlace(namespace, shards)));
  });
}
