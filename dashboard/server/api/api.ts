import { Router } from 'express';
import { API_BASE, CHANGES_PATH, OPENAPI_PATH, ROUTES } from '../../api/routes.ts';
import { BulkActs } from '../../../src/operations/bulk.ts';
import { ChangeFeed } from '../../../src/operations/changes.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import type { Access } from '../access.ts';
import { refuse } from '../refusal.ts';
import { ChangeStreams } from './changes.ts';
import { transactionsCsv } from './csv.ts';
import { answerFailures } from './failures.ts';
import { handlersOf } from './handlers.ts';
import { openApi } from './openapi.ts';
import { addRoutes } from './route.ts';

export interface Api {
  readonly router: Router;
  /** Ends bulk acts that run here, and the streams of changes. */
  close(): Promise<void>;
}

/** The JSON API of the console. */
export function openConsoleApi(engine: Engine, access: Access, traceUrl: string | undefined): Api {
  const bulk = new BulkActs(engine);
  const changes = new ChangeStreams(new ChangeFeed(engine), access);
  const router = Router();
  const mayView = access.require(() => 'view');
  router.use([`/${API_BASE}`, `/${CHANGES_PATH}`, `/${OPENAPI_PATH}`], mayView);
  router.get(`/${CHANGES_PATH}`, changes.handler);
  let description: object | undefined;
  router.get(`/${OPENAPI_PATH}`, (_request, response) => {
    description ??= openApi();
    response.set('Cache-Control', 'no-store').json(description);
  });
  router.get(`/${API_BASE}/transactions.csv`, transactionsCsv(engine, access));
  for (const path of [CHANGES_PATH, OPENAPI_PATH, `${API_BASE}/transactions.csv`]) {
    router.all(`/${path}`, (request, response) => {
      refuse(response.set('Allow', 'GET, HEAD'), 405, `this can only be read: ${request.method} does nothing here`);
    });
  }
  const routes = Router();
  addRoutes(routes, ROUTES, handlersOf({ engine, access, bulk, traceUrl }));
  router.use(`/${API_BASE}`, routes);
  router.use(answerFailures(engine.log));
  return {
    router,
    async close() {
      await Promise.all([bulk.close(), changes.close()]);
    },
  };
}
