import { once } from 'node:events';

const draining = new Map<NodeJS.WriteStream, Promise<unknown>>();

async function write(stream: NodeJS.WriteStream, text: string): Promise<void> {
  if (stream.write(text)) return;
  // One listener for all who write meanwhile.
  const drained = draining.get(stream) ?? once(stream, 'drain').finally(() => draining.delete(stream));
  draining.set(stream, drained);
  await drained;
}

/** A line of what the command was asked for. Resolves when there is room for more. */
export function print(line: string): Promise<void> {
  return write(process.stdout, `${line}\n`);
}

/** A line for the person at the terminal, beside the output. */
export function tell(line: string): Promise<void> {
  return write(process.stderr, `${line}\n`);
}

/** Pipes are written asynchronously: wait before the process is ended. */
export async function flush(): Promise<void> {
  await Promise.all([process.stdout, process.stderr].map((stream) => new Promise((resolve) => stream.write('', resolve))));
}
