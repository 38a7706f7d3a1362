import { createBullBoard } from '@bull-board/api';
import type { RequestHandler } from 'express';
import type { StoreKind } from '../../../src/producers/store.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import type { QueueInShard, QueuePort } from '../../../src/queues/queue-port.ts';
import { guardActions } from './actions.ts';
import { PageAdapter } from './page-adapter.ts';
import { SagaQueueAdapter, type QueueCard } from './queue-adapter.ts';
import { queueCards } from './queue-cards.ts';

/** How old the list of queues may be, in milliseconds. */
const FRESH_MS = 2_000;

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
 * Bull Board over the queues of all plans that the journal knows. Looks for new plans when it is asked for something, at most every 2 s.
 *
 * @throws {AmendsError} STORE_UNREACHABLE when the journal can't be read at the start
 */
export async function openBoard(store: StoreKind, { journal, queues, log }: Engine): Promise<Board> {
  const adapters = new Map<string, { readonly description: string; readonly adapter: SagaQueueAdapter }>();
  const pages = new PageAdapter();
  const { replaceQueues } = createBullBoard({
    queues: [],
    serverAdapter: pages,
    options: {
      handlerHooks: {
        before: guardActions,
        after({ method, route, request }, result) {
          if (method !== 'get') log.info({ route, params: request.params, status: result.status ?? 200 }, 'dashboard: queue action');
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
      adapters.set(name, { description, adapter: new SagaQueueAdapter(queue, card) });
    }
    replaceQueues([...adapters.values()].map(({ adapter }) => adapter));
  };

  await look();
  let lookedAtMs = performance.now();
  let looking: Promise<void> | undefined;
  const refresh = (): Promise<void> | undefined => {
    if (looking === undefined && performance.now() - lookedAtMs >= FRESH_MS) {
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
      await refresh();
      app(request, response, next);
    },
  };
}
