import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { newSubjectKey, type SubjectKey, type SubjectKeys } from '../subject-keys.ts';
import { refuseSqlTransaction } from './redis-event-store.ts';
import { defineScript, readLua } from './script.ts';

const OBTAIN = readLua(new URL('./obtain-keys.lua', import.meta.url));
const FORGET = readLua(new URL('./forget-key.lua', import.meta.url));

/** Hash `{namespace}:subjects` has the id of each person's key, hash `{namespace}:keys` the keys themselves, in base64. */
export function createRedisSubjectKeys(redis: Redis, namespace: string): SubjectKeys {
  const root = keyRoot(namespace);
  const obtain = defineScript(redis, 'obtainKeys', OBTAIN);
  const forget = defineScript(redis, 'forgetKey', FORGET);

  const obtainKeys = async (wanted: readonly (readonly [subject: string, offered: SubjectKey])[]): Promise<Map<string, SubjectKey>> => {
    const args = wanted.flatMap(([subject, { keyId, key }]) => [subject, keyId, key.toString('base64')]);
    const reply = (await obtain(root, ...args)) as string[];
    return new Map(wanted.map(([subject], i) => [subject, { keyId: reply[2 * i]!, key: Buffer.from(reply[2 * i + 1]!, 'base64') }]));
  };

  return {
    async obtain(subjects, tx) {
      refuseSqlTransaction(tx);
      return obtainKeys([...new Set(subjects)].map((subject) => [subject, newSubjectKey()]));
    },

    async find(keyIds) {
      const found = keyIds.length === 0 ? [] : await reachable(redis.hmget(`${root}keys`, ...keyIds));
      return new Map(keyIds.flatMap((keyId, i) => (found[i] == null ? [] : [[keyId, Buffer.from(found[i], 'base64')] as const])));
    },

    forget: async (subject) => (await forget(root, subject)) === 1,

    async *all() {
      for await (const found of redis.hscanStream(`${root}subjects`, { count: 500 })) {
        const flat = found as string[];
        const subjects = flat.filter((_, i) => i % 2 === 0);
        const keyIds = flat.filter((_, i) => i % 2 === 1);
        const keys = await this.find(keyIds);
        for (const [i, subject] of subjects.entries()) {
          const keyId = keyIds[i]!;
          const key = keys.get(keyId);
          if (key !== undefined) yield { subject, keyId, key };
        }
      }
    },

    async put(subject, key) {
      await obtainKeys([[subject, key]]);
    },
  };
}
