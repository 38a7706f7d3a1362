// A worker process whose action kills it for some orders: `node deadly-worker.mjs URL NAMESPACE [SAGA [fused]]`.
import { connect, saga, step } from '../../dist/src/index.js';
import { z } from 'zod';

const [url, namespace, name = 'deadly', fused] = process.argv.slice(2);
const input = z.object({ order: z.string() });
const made = (of, run) => step({ name: of, input, result: z.object({}), run, compensate: () => undefined });
const deadly = saga({ name, version: 1, input, fuse: fused === 'fused' })
  .step(
    made('prepare', () => ({})),
    ({ input: { order } }) => ({ order }),
  )
  .step(
    made('explode', ({ input: { order } }) => {
      if (order.startsWith('bomb')) process.kill(process.pid, 'SIGKILL');
      return {};
    }),
    ({ input: { order } }) => ({ order }),
  );

const amends = await connect(url, { namespace });
await amends.worker({ sagas: [deadly], lockMs: 800, stallCheckMs: 400, crashLimit: 5 }).run();
