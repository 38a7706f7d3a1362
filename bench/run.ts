import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Measured } from './measure.ts';
import type { Order } from './order.ts';

interface RunOptions<T> {
  /** That the process may use. Default: all. */
  readonly cores?: string | undefined;
  /** Called with each thing that was measured, before the next one begins. */
  readonly look: (measured: Measured) => T | Promise<T>;
}

/**
 * Carries out an order in a process of its own. Without the source maps that are on here: they cost the side more that has some, and production has
 * none.
 */
export async function run<T>(order: Order, { cores, look }: RunOptions<T>): Promise<readonly T[]> {
  const pinned = cores === undefined ? {} : { execPath: 'taskset', execArgv: ['-c', cores, process.execPath] };
  const child = fork(fileURLToPath(new URL('measure.js', import.meta.url)), {
    execArgv: [],
    ...pinned,
    env: { ...process.env, BENCH_ORDER: JSON.stringify(order) },
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const seen: T[] = [];
  while (seen.length < order.measures.length) {
    const answer = (await Promise.race([once(child, 'message'), exited.then(() => undefined)])) as [Measured] | undefined;
    if (answer === undefined) break;
    seen.push(await look(answer[0]));
    child.send('go on');
  }
  const [code] = await exited;
  if (seen.length < order.measures.length || code !== 0) {
    throw new Error(`a run of ${order.contender} (${order.measures.join(', ')}) ended with ${code}`);
  }
  return seen;
}

/** The same for an order that measures one thing. */
export async function runOne(order: Order): Promise<Measured> {
  return (await run(order, { look: (measured) => measured }))[0]!;
}
