import type { Request } from 'express';
import { AmendsError } from '../../../src/errors.ts';
import { countBulk, type BulkRow } from '../../../src/operations/bulk.ts';
import type { ApiContext } from './context.ts';
import { forbidden } from './forbidden.ts';
import type { Answer, Handlers } from './route.ts';

function found(row: BulkRow | undefined, id: string): Answer<'bulk'> {
  if (row === undefined) throw Object.assign(new Error(`there is no bulk act ${JSON.stringify(id)}`), { status: 404 });
  return row;
}

/** What the routes of bulk acts do. */
export function bulkHandlers({
  engine,
  access,
  bulk,
}: ApiContext): Pick<Handlers, 'bulkPreview' | 'startBulk' | 'bulks' | 'bulk' | 'stopBulk'> {
  const mayBulk = async (request: Request): Promise<void> => {
    if (!(await access.may(request, 'bulk'))) throw forbidden('you may look, but change nothing here');
  };
  return {
    bulkPreview: ({ request, body: { filter, action } }) => countBulk(engine, filter, action, (rows) => access.visible(request, rows)),
    async startBulk({ request, body: { filter, action, reason, ratePerSecond } }) {
      await mayBulk(request);
      if (!(await access.may(request, action))) throw forbidden(`you may not ${action} transactions`);
      if (Object.keys(filter).length === 0) {
        throw new AmendsError('INVALID_OPTION', 'the filter is empty, so it means all there are: name a saga, a status, or a time');
      }
      const { name: by } = access.actorOf(request);
      const begun = await bulk.start({
        filter,
        action,
        reason,
        ratePerSecond,
        by,
        visible: (rows) => access.visible(request, rows),
        mayAct: (row) => access.may(request, action, row),
      });
      engine.log.info({ bulk: begun.id, action, total: begun.total, by }, 'dashboard: bulk act');
      return begun;
    },
    bulks: async ({ query: { limit } }) => ({ bulks: await bulk.list(limit) }),
    bulk: async ({ param }) => found(await bulk.find(param('id')), param('id')),
    async stopBulk({ request, param, body: { reason } }) {
      await mayBulk(request);
      const id = param('id');
      const { name: by } = access.actorOf(request);
      const row = found(await bulk.stop(id, { by, reason: reason ?? null }), id);
      engine.log.info({ bulk: id, by }, 'dashboard: bulk act stopped');
      return row;
    },
  };
}
