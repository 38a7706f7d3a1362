import { createServer, connect, type AddressInfo, type Socket } from 'node:net';

/** What is lost when the client commits: the request, so that the server rolls back, or its answer. */
type Loss = 'request' | 'answer';

/** A way to a PostgreSQL server on which the next COMMITs get lost. */
export interface CommitProxy extends AsyncDisposable {
  readonly url: string;
  /** Cuts the connection of the next COMMIT. */
  loseNext(loss: Loss): void;
  /** How many were lost. */
  readonly lost: number;
}

export async function openCommitProxy(target: string): Promise<CommitProxy> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  let next: Loss | undefined;
  let lost = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    let cut = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (data) => {
      const loss = data.includes('COMMIT') ? next : undefined;
      if (loss !== undefined) {
        next = undefined;
        lost++;
        if (loss === 'request') return end();
        cut = true;
      }
      upstream.write(data);
    });
    upstream.on('data', (data) => (cut ? end() : client.write(data)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    loseNext(loss) {
      next = loss;
    },
    get lost() {
      return lost;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
