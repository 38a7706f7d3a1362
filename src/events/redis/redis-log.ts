import type { Redis } from 'ioredis';
import { keyRoot } from '../../connections/redis.ts';
import { checkPosition, lostWrites, resolveRead } from '../global-log-checks.ts';
import type { GlobalLog, LoggedEvent } from '../global-log.ts';
import { LogPulse } from '../log-pulse.ts';
import { archivedEntries } from './archive.ts';
import { logSleep } from './log-sleep.ts';
import { checkClient, defineScript, readLua } from './script.ts';
import { recordedEvent, type StreamEntry } from './stream-entry.ts';
import { categoryKeyOf, streamNameOf } from './stream-key.ts';

const lua = (file: string): URL => new URL(file, import.meta.url);
/** Takes entries of purged transactions out of what waits for a position. */
export const TRIM_LOG: string = readLua(lua('./number.lua'), lua('./trim-log.lua'));
const READ_LOG = readLua(lua('./number.lua'), lua('./read-log.lua'));

export interface RedisLogOptions {
  readonly redis: Redis;
  /** Keys begin with `{namespace}:`. 1 to 31 of `a-z 0-9 _ -`. */
  readonly namespace: string;
}

type Found = readonly [position: number, version: number, stream: string, keyHash: number, entry: StreamEntry | null];
type Reply = readonly [position: number, more: number, head: number, mark: string, same: 'same' | 'other', ...found: Found[]];

/**
 * The global order in Redis 6.2 or newer. What it read is as safe as the server's persistence makes it: a failover that takes events back is
 * noticed by the readers who had read them, if they give back the mark of their page.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createRedisLog({ redis, namespace }: RedisLogOptions): GlobalLog {
  const root = keyRoot(namespace);
  checkClient(redis);
  const readLog = defineScript(redis, 'readLog', READ_LOG);
  const sleep = logSleep(redis, root);
  const pulse = new LogPulse(sleep);

  /** `undefined`: its stream was tombstoned, and the event deleted. */
  async function entryOf([, version, stream, , entry]: Found): Promise<StreamEntry | undefined> {
    if (entry !== null) return entry;
    for await (const archived of archivedEntries(redis, `${root}a:${stream}`, version)) {
      return Number.parseInt(archived[0], 10) === version ? archived : undefined;
    }
    return undefined;
  }

  const read: GlobalLog['read'] = async (afterPosition, options = {}) => {
    const after = checkPosition('afterPosition', afterPosition);
    const { limit, scan, categories = [], partitions, partition, mark: known } = resolveRead(options);
    const keys = categories.map(categoryKeyOf);
    const reply = (await readLog(root, after, limit, scan, known, partitions, partition, ...keys)) as Reply;
    const [position, more, head, mark, same, ...found] = reply;
    if (after > head || same === 'other') throw lostWrites(after, head);
    const events: LoggedEvent[] = [];
    for (const one of found) {
      const entry = await entryOf(one);
      if (entry === undefined) continue;
      events.push({ ...recordedEvent(streamNameOf(one[2]), entry), position: one[0], keyHash: one[3] });
    }
    return { events, position, more: more === 1, head, mark };
  };

  return {
    read,

    async head() {
      for (;;) {
        // A page of one, far at the end: it numbers what was appended.
        const { head, more } = await readHead();
        if (!more) return head;
      }
    },

    wait: (afterPosition, options) => pulse.wait(checkPosition('afterPosition', afterPosition), options),

    async close() {
      sleep.close();
      await pulse.close();
    },
  };

  /** Told by the script itself: between two calls another reader may number what is left, and the head would be an old one. */
  async function readHead(): Promise<{ readonly head: number; readonly more: boolean }> {
    const [, more, head] = (await readLog(root, Number.MAX_SAFE_INTEGER - 1, 1, 1, '', 0, 0)) as Reply;
    return { head, more: more === 1 };
  }
}
