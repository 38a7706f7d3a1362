import { json, Router, type ErrorRequestHandler } from 'express';
import { engineOf, type Amends } from '../../src/amends.ts';
import { Access } from './access.ts';
import { openConsoleApi } from './api/api.ts';
import type { Engine } from '../../src/producers/engine.ts';
import { authenticate } from './authentication.ts';
import { keepAsked } from './bull-board/asked.ts';
import { openBoard } from './bull-board/board.ts';
import { checkChanges } from './change-check.ts';
import { health } from './health.ts';
import { live, ready } from './live.ts';
import { metrics } from './metrics.ts';
import { onlyGet } from './only-get.ts';
import { resolveRouterOptions, type DashboardRouterOptions, type ResolvedConsole } from './options.ts';
import { queueProbe } from './queue-probe.ts';
import { markApi, refuse } from './refusal.ts';
import { bullBoardHeaders, strictHeaders } from './security-headers.ts';
import { consolePages } from './ui.ts';

/** The largest body that a board's action has is a few numbers. */
const LARGEST_BODY = '16kb';

/** Express marks errors that are the client's with their status; all others are ours, and their text stays in the log. */
function answerErrors({ log }: Engine): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, message } = error as { status?: unknown; message?: unknown };
    if (typeof status === 'number' && status >= 400 && status < 500) {
      refuse(response, status, String(message));
      return;
    }
    log.error({ err: error, path: request.path }, 'dashboard: a request failed');
    refuse(response, 500, "this could not be done: the dashboard's log says why");
  };
}

export interface OpenedRouter {
  readonly router: Router;
  /** Ends what it does beside answering. Idempotent; done by itself when the connection is closed. */
  readonly close: () => Promise<void>;
}

/** The routes of the dashboard. */
export async function openRouter(amends: Amends, { logins, access: accessOptions, traceUrl }: ResolvedConsole): Promise<OpenedRouter> {
  const engine = engineOf(amends);
  const { journal, log } = engine;
  const access = new Access(accessOptions);
  const board = await openBoard(amends.store, engine);
  const api = openConsoleApi(engine, access, traceUrl);
  const probes = { journal: () => journal.timeMs(), queue: await queueProbe(engine) };
  const mayUse = access.require(({ method }) => (method === 'GET' || method === 'HEAD' ? 'view' : 'queue'));
  const router = Router();
  router.use(strictHeaders, markApi);
  router.all('/healthz', onlyGet, health(amends.store, probes, log));
  router.all('/livez', onlyGet, live);
  router.all('/readyz', onlyGet, ready(probes, log));
  if (logins !== undefined) router.use(authenticate(logins, access));
  router.all(
    '/metrics',
    onlyGet,
    access.require(() => 'view'),
    metrics(engine),
  );
  router.use(checkChanges());
  router.use(api.router);
  router.use('/queues', mayUse, json({ limit: LARGEST_BODY }), bullBoardHeaders, keepAsked(access), board.handler);
  router.use(consolePages());
  router.use((request, response) => refuse(response, 404, `there is nothing at ${request.path}`));
  router.use(answerErrors(engine));
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => {
    engine.beforeClose.delete(close);
    return (closing ??= api.close());
  };
  engine.beforeClose.add(close);
  return { router, close };
}

/**
 * The dashboard as a router for your own Express app, under any path. With `auth: false` and without `authorize` nothing can be changed there.
 *
 * @throws {AmendsError} INVALID_OPTION when `auth` is left out and AMENDS_DASHBOARD_TOKEN isn't set; STORE_UNREACHABLE
 * @example app.use('/sagas', requireAdmin, await dashboardRouter(amends, { auth: false }));
 */
export async function dashboardRouter(amends: Amends, options: DashboardRouterOptions = {}): Promise<Router> {
  return (await openRouter(amends, resolveRouterOptions(options))).router;
}
