import { createBullBoard } from '@bull-board/api';
import type { RequestHandler } from 'express';
import type { StoreKind } from '../../../src/producers/store.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import type { QueueInShard, QueuePort } from '../../../src/queues/queue-port.ts';
import { guardActions } from './actions.ts';
import { whoAsks } from './asked.ts';
import { PageAdapter } from './page-adapter.ts';
import { SagaQueueAdapter, type QueueCard } from './queue-adapter.ts';
import { queueCards } from './queue-cards.ts';

/** How old the list of queues may be, in milliseconds. */
const FRESH_MS = 2_000;
/** The queue that the board's API is asked about. */
const QUEUE = /^\/api\/queues\/([^/]+)/;

/** A card for the queue in each shard. */
function cardsInShards(card: QueueCard, queues: Pick<QueuePort, 'inShards'>): readonly (QueueCard & QueueInShard)[] {
  const shards = queues.inShards(card.name);
  return shards.map((one) => ({
    ...one,
    title: shards.length === 1 ? card.title : `${card.title} (shard ${one.shard})`,
    description: card.description,
  }));
}

export interface Board {
  /** Everything below the path it is mounted at. */
  readonly handler: RequestHandler;
}

/**
 * Bull Board over the queues of all plans that the journal knows. Looks for new plans when it is asked for something, at most every 2 s,
 * and for a queue that it does not know.
 *
 * @throws {AmendsError} STORE_UNREACHABLE when the journal can't be read at the start
 */
export async function openBoard(store: StoreKind, engine: Engine): Promise<Board> {
  const { journal, queues, log } = engine;
  const adapters = new Map<string, { readonly description: string; readonly adapter: SagaQueueAdapter }>();
  const pages = new PageAdapter();
  const { replaceQueues } = createBullBoard({
    queues: [],
    serverAdapter: pages,
    options: {
      handlerHooks: {
        before: guardActions(engine),
        after({ method, route, request }, result) {
          if (method === 'get') return result;
          const { access, request: asked } = whoAsks();
          const { name: by } = access.actorOf(asked);
          log.info({ route, params: request.params, status: result.status ?? 200, by }, 'dashboard: queue action');
          return result;
        },
      },
      uiConfig: {
        boardTitle: 'Amends',
        hideDocsLink: true,
        sortQueues: true,
        // Workers are known by their connections. The embedded store has one session for all: it would say that there are none.
        showWorkers: store !== 'embedded',
        miscLinks: [{ text: 'Transactions', url: '..' }],
      },
    },
  });

  const look = async (): Promise<void> => {
    for (const card of queueCards(await journal.listPlans()).flatMap((one) => cardsInShards(one, queues))) {
      const { name, description, queue } = card;
      // A queue keeps its object: what the board holds must stay usable when the connection is closed under it.
      if (adapters.get(name)?.description === description) continue;
      adapters.set(name, { description, adapter: new SagaQueueAdapter(engine, queue, card) });
    }
    replaceQueues([...adapters.values()].map(({ adapter }) => adapter));
  };

  await look();
  let lookedAtMs = performance.now();
  let looking: Promise<void> | undefined;
  /** @param isNew asked for a queue that is not known: its saga may have been deployed a moment ago */
  const refresh = (isNew: boolean): Promise<void> | undefined => {
    if (looking === undefined && (isNew || performance.now() - lookedAtMs >= FRESH_MS)) {
      looking = look()
        // The queues that are known can be shown without the journal.
        .catch((error: unknown) => log.warn({ err: error }, 'dashboard: the journal did not say which queues there are'))
        .finally(() => {
          lookedAtMs = performance.now();
          looking = undefined;
        });
    }
    return looking;
  };
  const app = pages.handler();
  return {
    async handler(request, response, next) {
      const [, queue] = QUEUE.exec(request.path) ?? [];
      await refresh(queue !== undefined && !adapters.has(queue));
      app(request, response, next);
    },
  };
}
