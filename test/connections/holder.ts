import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(new URL('./holder.mjs', import.meta.url));

interface Answer {
  readonly opened: boolean;
  readonly code?: string;
  readonly message?: string;
}

/** Another process that can open the embedded store in a folder. */
export interface Holder {
  readonly pid: number;
  /** Tries to open it; the process then holds it. */
  open(): Promise<Answer>;
  close(): Promise<void>;
  kill(): Promise<void>;
}

async function nextMessage<T>(child: ChildProcess): Promise<T> {
  const stopped = new AbortController();
  const { signal } = stopped;
  try {
    const ended = once(child, 'exit', { signal }).then(([code]) =>
      Promise.reject(new Error(`the other process ended with ${String(code)}`)),
    );
    const [message] = await Promise.race([once(child, 'message', { signal }), ended]);
    return message as T;
  } finally {
    stopped.abort();
  }
}

/** Starts the process; it has loaded the code and waits for `open` when this resolves. */
export async function startHolder(folder: string): Promise<Holder> {
  const child = fork(script, [folder], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = once(child, 'exit');
  await nextMessage(child);
  return {
    pid: child.pid!,
    async open() {
      const answer = nextMessage<Answer>(child);
      child.send('open');
      return answer;
    },
    async close() {
      if (child.connected) child.send('close');
      await exited;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
