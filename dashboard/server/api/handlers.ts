import * as z from 'zod';
import { action as actionName, type Action } from '../../api/action-names.ts';
import { AmendsError } from '../../../src/errors.ts';
import { checkId } from '../../../src/flows/names.ts';
import { act, previewAct } from '../../../src/operations/acts.ts';
import { attemptsPage, describeTransaction, type TransactionDetails } from '../../../src/operations/details.ts';
import { listTransactions } from '../../../src/operations/filter.ts';
import { historyOf } from '../../../src/operations/history.ts';
import { inboxOf } from '../../../src/operations/inbox.ts';
import { servicesOf } from '../../../src/operations/services.ts';
import { statisticsOf } from '../../../src/operations/statistics.ts';
import { categoriesOf, streamOf, streamsOf } from '../../../src/operations/streams.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import { bulkHandlers } from './bulk-handlers.ts';
import type { ApiContext } from './context.ts';
import { filterFrom } from './filter-query.ts';
import { forbidden } from './forbidden.ts';
import type { Handlers } from './route.ts';
import { sessionOf } from './session.ts';

function actionFrom(text: string): Action {
  const found = actionName.safeParse(text);
  if (found.success) return found.data;
  throw new AmendsError('INVALID_OPTION', `there is no action ${JSON.stringify(text)}: ${z.prettifyError(found.error)}`);
}

/** What `authorize` is told of a transaction. */
async function summaryOf(engine: Engine, id: string) {
  const [found] = await engine.journal.summaries([checkId(id)]);
  if (found !== undefined) return found;
  throw new AmendsError('TRANSACTION_NOT_FOUND', `there is no transaction ${JSON.stringify(id)} here: check the id and the namespace`, {
    details: { id },
  });
}

/** What each route of the API does. */
export function handlersOf(context: ApiContext): Handlers {
  const { engine, access } = context;
  const viewed = async (request: Parameters<typeof access.may>[0], id: string): Promise<void> => {
    if (!(await access.may(request, 'view', await summaryOf(engine, id)))) throw forbidden('you may not look at this transaction');
  };
  const visibleKin = async (request: Parameters<typeof access.may>[0], { parent, children }: TransactionDetails) => {
    if (!access.isByTransaction) return { parent, children };
    const kin = await engine.journal.summaries([...children.map(({ id }) => id), ...(parent === null ? [] : [parent])]);
    const seen = new Set((await access.visible(request, kin)).map(({ id }) => id));
    return { parent: parent !== null && seen.has(parent) ? parent : null, children: children.filter(({ id }) => seen.has(id)) };
  };
  return {
    session: ({ request }) => sessionOf(context, request),
    async transactions({ request, query: { cursor, limit, ...filter } }) {
      const page = await listTransactions(engine, filterFrom(filter), { cursor, limit });
      return { ...page, transactions: await access.visible(request, page.transactions) };
    },
    async transaction({ request, param }) {
      const id = param('id');
      await viewed(request, id);
      const found = await describeTransaction(engine, id);
      const summary = { id, saga: found.saga, status: found.status, tags: found.tags };
      const allowed = await Promise.all(found.actions.map(({ action }) => access.may(request, action, summary)));
      return { ...found, ...(await visibleKin(request, found)), actions: found.actions.filter((_, i) => allowed[i]) };
    },
    async history({ request, param, query }) {
      await viewed(request, param('id'));
      return historyOf(engine, param('id'), query);
    },
    async attempts({ request, param, query }) {
      await viewed(request, param('id'));
      return attemptsPage(engine, param('id'), query);
    },
    async preview({ request, param, query }) {
      await viewed(request, param('id'));
      return previewAct(engine, param('id'), actionFrom(param('action')), query);
    },
    async act({ request, param, body }) {
      const action = actionFrom(param('action'));
      const summary = await summaryOf(engine, param('id'));
      if (!(await access.may(request, action, summary))) throw forbidden(`you may not ${action} this transaction`);
      const { name: by } = access.actorOf(request);
      const { version, reason, step, signal, data } = body;
      const done = await act(engine, summary.id, action, { version, reason, step, signal, data, by });
      engine.log.info({ transaction: summary.id, action, by }, 'dashboard: act');
      return done;
    },
    inbox: ({ request }) => inboxOf(engine, (rows) => access.visible(request, rows)),
    ...bulkHandlers(context),
    services: () => servicesOf(engine),
    statistics: ({ query }) => statisticsOf(engine, query),
    categories: ({ query: { before } }) => categoriesOf(engine, before),
    streams: ({ query: { category, before } }) => streamsOf(engine, category, before),
    stream: ({ param, query }) => streamOf(engine, param('category'), param('id'), query),
  };
}
