import { rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort, startServer, works } from './process.mjs';

/** Rejects unless a Redis answers at this URL. */
export async function pingRedis(url) {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 5000, maxRetriesPerRequest: 0, retryStrategy: () => null });
  let cause;
  redis.on('error', (error) => (cause ??= error));
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw cause ?? error;
  } finally {
    redis.disconnect();
  }
}

/** Where this machine has Redis, or `undefined`. */
export async function findRedis() {
  for (const binary of ['redis-server', 'valkey-server']) if (await works(binary, ['--version'])) return binary;
  return undefined;
}

/** Starts a Redis of our own: loopback, free port, everything it keeps in a folder that goes with it. */
export async function startRedis(binary) {
  const folder = await mkdtemp(join(tmpdir(), 'amends-redis-'));
  const port = await freePort();
  const url = `redis://127.0.0.1:${port}`;
  // The settings that production needs too: nothing is evicted, and what is acknowledged outlives the process.
  const settings = ['--maxmemory-policy', 'noeviction', '--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''];
  try {
    const stop = await startServer(binary, ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, ...settings], {
      ready: () => pingRedis(url),
      stopSignal: 'SIGTERM',
    });
    return {
      url,
      from: `${binary}, started on port ${port}`,
      stop: async () => {
        await stop();
        rmSync(folder, { recursive: true, force: true });
      },
    };
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
