import type * as z from 'zod';
import { actionRequest, actionResult, preview, previewQuery } from './actions.ts';
import { attempts, attemptsQuery } from './attempt.ts';
import { bulk, bulkPreview, bulkPreviewRequest, bulkRequest, bulks, bulksQuery, stopBulkRequest } from './bulk.ts';
import { historyPage, historyQuery } from './history.ts';
import { inbox } from './inbox.ts';
import { services } from './services.ts';
import { session } from './session.ts';
import { statistics, statisticsQuery } from './statistics.ts';
import { categories, categoriesQuery, stream, streamQuery, streams, streamsQuery } from './streams.ts';
import { transaction } from './transaction.ts';
import { transactionPage, transactionsQuery } from './transactions.ts';

/** Below where the console is mounted. */
export const API_BASE = 'api/v1';
/** Where changes are told, see changes.ts; below where the console is mounted. */
export const CHANGES_PATH = 'events';
export const OPENAPI_PATH = 'api/openapi.json';

interface Route {
  readonly method: 'get' | 'post';
  /** Below {@link API_BASE}, without a slash before it. */
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
}

/** All routes of the JSON API. `transactions.csv` has the list as CSV, with the same query but `cursor` and `limit`, 10,000 rows at most. */
export const ROUTES = {
  session: { method: 'get', path: 'session', summary: 'Who asks, and what they may do', answer: session },
  transactions: { method: 'get', path: 'transactions', summary: 'Lists transactions', query: transactionsQuery, answer: transactionPage },
  transaction: { method: 'get', path: 'transactions/:id', summary: 'One transaction, whole', answer: transaction },
  history: { method: 'get', path: 'transactions/:id/history', summary: 'Its events', query: historyQuery, answer: historyPage },
  attempts: { method: 'get', path: 'transactions/:id/attempts', summary: 'Its attempts', query: attemptsQuery, answer: attempts },
  preview: {
    method: 'get',
    path: 'transactions/:id/actions/:action/preview',
    summary: 'What an act would lead to',
    query: previewQuery,
    answer: preview,
  },
  act: { method: 'post', path: 'transactions/:id/actions/:action', summary: 'Acts', body: actionRequest, answer: actionResult },
  inbox: { method: 'get', path: 'inbox', summary: 'What is stuck, in groups', answer: inbox },
  bulkPreview: { method: 'post', path: 'bulk/preview', summary: 'Counts', body: bulkPreviewRequest, answer: bulkPreview },
  startBulk: { method: 'post', path: 'bulk', summary: 'Acts on all that a filter finds', body: bulkRequest, answer: bulk },
  bulks: { method: 'get', path: 'bulk', summary: 'Bulk acts', query: bulksQuery, answer: bulks },
  bulk: { method: 'get', path: 'bulk/:id', summary: 'Progress of a bulk act', answer: bulk },
  stopBulk: { method: 'post', path: 'bulk/:id/stop', summary: 'Stops a bulk act', body: stopBulkRequest, answer: bulk },
  services: { method: 'get', path: 'services', summary: 'Queues, and who takes jobs from them', answer: services },
  statistics: { method: 'get', path: 'statistics', summary: 'Rates and durations', query: statisticsQuery, answer: statistics },
  categories: { method: 'get', path: 'categories', summary: 'Categories of event streams', query: categoriesQuery, answer: categories },
  streams: { method: 'get', path: 'streams', summary: 'Event streams', query: streamsQuery, answer: streams },
  stream: { method: 'get', path: 'streams/:category/:id', summary: 'One event stream', query: streamQuery, answer: stream },
} as const satisfies Readonly<Record<string, Route>>;
