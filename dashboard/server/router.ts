import { json, Router, type ErrorRequestHandler } from 'express';
import { engineOf, type Amends } from '../../src/amends.ts';
import type { Engine } from '../../src/producers/engine.ts';
import { authenticate } from './authentication.ts';
import { openBoard } from './bull-board/board.ts';
import { checkChanges } from './change-check.ts';
import { health } from './health.ts';
import { live, ready } from './live.ts';
import { metrics } from './metrics.ts';
import { onlyGet } from './only-get.ts';
import { overview, STYLE_DIGEST } from './overview.ts';
import { resolveRouterAuth, type DashboardAuth, type DashboardRouterOptions } from './options.ts';
import { queueProbe } from './queue-probe.ts';
import { refuse } from './refusal.ts';
import { bullBoardHeaders, pageHeaders, strictHeaders } from './security-headers.ts';

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

/** The routes of the dashboard, for whoever may come in by `auth` (`undefined`: everybody). */
export async function openRouter(amends: Amends, auth: DashboardAuth | undefined): Promise<Router> {
  const engine = engineOf(amends);
  const { journal, log } = engine;
  const board = await openBoard(amends.store, engine);
  const probes = { journal: () => journal.timeMs(), queue: await queueProbe(engine) };
  const router = Router();
  router.use(strictHeaders);
  router.all('/healthz', onlyGet, health(amends.store, probes, log));
  router.all('/livez', onlyGet, live);
  router.all('/readyz', onlyGet, ready(probes, log));
  if (auth !== undefined) router.use(authenticate(auth));
  router.all('/metrics', onlyGet, metrics(engine));
  router.use(checkChanges());
  router.all('/', onlyGet, pageHeaders(STYLE_DIGEST), overview(engine));
  router.use('/queues', json({ limit: LARGEST_BODY }), bullBoardHeaders, board.handler);
  router.use((request, response) => refuse(response, 404, `there is nothing at ${request.path}`));
  router.use(answerErrors(engine));
  return router;
}

/**
 * The dashboard as a router for your own Express app, under any path.
 *
 * @throws {AmendsError} INVALID_OPTION when `auth` is left out and AMENDS_DASHBOARD_TOKEN isn't set; STORE_UNREACHABLE
 * @example app.use('/sagas', requireAdmin, await dashboardRouter(amends, { auth: false }));
 */
export async function dashboardRouter(amends: Amends, options: DashboardRouterOptions = {}): Promise<Router> {
  return openRouter(amends, resolveRouterAuth(options));
}
