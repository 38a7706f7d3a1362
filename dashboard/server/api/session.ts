import type { Request } from 'express';
import { ACTIONS } from '../../api/action-names.ts';
import { packageVersion } from '../package-root.ts';
import type { ApiContext } from './context.ts';
import type { Answer } from './route.ts';

/** Who asks, and what the console needs to know of this installation. */
export async function sessionOf({ engine, access, traceUrl }: ApiContext, request: Request): Promise<Answer<'session'>> {
  const may = await Promise.all(ACTIONS.map(async (action) => [action, await access.may(request, action)] as const));
  return {
    actor: access.actorOf(request),
    may: Object.fromEntries(may) as Answer<'session'>['may'],
    mayBulk: await access.may(request, 'bulk'),
    store: engine.store,
    namespace: engine.namespace,
    links: { queues: 'queues', trace: traceUrl ?? null },
    // The type of the body and the origin are checked, which no foreign page can forge.
    changeToken: null,
    nowMs: engine.clock.nowMs(),
    version: packageVersion(),
  };
}
