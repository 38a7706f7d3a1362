// One saga from its start to its end, starter and worker in one process. It dies at the point it is told to, or tells what its points are.
// Argument: { store, url, namespace, participants, saga, id, order, death? } as JSON.
import { Pool } from 'pg';
import { engineOf } from '../../../dist/src/amends.js';
import { withBarrier } from '../../../dist/src/barrier/index.js';
import { connect, implement, implementResource, resource, saga as defineSaga, step, StepFailed, tcc } from '../../../dist/src/index.js';
import { rootJob } from '../../../dist/src/queues/advance.js';
import { crashDefinition, until } from './orders.mjs';
import { watchPoints } from './points.mjs';
import { watchRedis } from './redis-points.mjs';
import { watchSql } from './sql-points.mjs';

const { store, url, namespace, participants, saga: name, id, order, death } = JSON.parse(process.argv[2]);
const points = watchPoints(death);
watchSql({ points, id, saga: name }); // the participants are on PostgreSQL, whatever the store
watchRedis({ points, id, saga: name });

const pool = new Pool({ connectionString: participants });
const api = { saga: defineSaga, step, implement, StepFailed, withBarrier, resource, tcc, implementResource };
const { saga, implementations } = crashDefinition(api, order, name, pool);
const amends = await connect(store === 'embedded' ? '' : url, {
  namespace,
  migrate: false,
  ...(store === 'embedded' ? { folder: url } : {}),
});
const run = await amends.start(saga, { order }, { id });
const { queues } = engineOf(amends);
// Not too rarely: on Redis a check for lost workers keeps all others from checking for as long.
await amends.worker({ sagas: [saga], implementations, concurrency: 4, lockMs: 3_000, stallCheckMs: 2_000 }).run();
await run.outcome({ timeoutMs: 15_000 });
await until(async () => (await queues.stateOf(rootJob({ id, saga: name }))) === 'completed');
await amends.close();
await pool.end();
process.stdout.write(JSON.stringify({ units: points.units, idle: points.idle }));
