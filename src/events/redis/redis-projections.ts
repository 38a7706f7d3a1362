import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import type { Handover } from '../checkpoint.ts';
import type { ProjectionStore, ProjectionVersion } from '../projection-store.ts';
import { parseStored } from './stream-entry.ts';

export interface RedisProjectionsOptions {
  readonly redis: Redis;
  readonly namespace: string;
}

/** A version as it is stored, in the hash `{namespace}:projections` under `<name>@<version>`; under `<name>` stands the version that is live. */
interface StoredVersion {
  readonly handover?: readonly Handover[];
}

/** Read models in Redis: the keys of a version begin with `{namespace}:model:<name>:<version>:`. */
export function createRedisProjections({ redis, namespace }: RedisProjectionsOptions): ProjectionStore {
  const root = keyRoot(namespace);
  const key = `${root}projections`;

  function versionFrom(field: string, text: string, live: string | null | undefined): ProjectionVersion {
    const at = field.lastIndexOf('@');
    const [name, version] = [field.slice(0, at), Number(field.slice(at + 1))];
    const { handover } = parseStored(text, `projection ${field}`) as StoredVersion;
    return { name, version, live: live === String(version), handover };
  }

  const find = async (name: string, version: number): Promise<ProjectionVersion | undefined> => {
    const field = `${name}@${version}`;
    const [text, live] = await reachable(redis.hmget(key, field, name));
    return text == null ? undefined : versionFrom(field, text, live);
  };

  return {
    async list(wanted) {
      const all = await reachable(redis.hgetall(key));
      return Object.entries(all)
        .filter(([field]) => field.includes('@'))
        .map(([field, text]) => versionFrom(field, text, all[field.slice(0, field.lastIndexOf('@'))]))
        .filter(({ name }) => wanted === undefined || name === wanted)
        .toSorted((a, b) => a.version - b.version);
    },

    async create({ name, version }, setup) {
      const known = await find(name, version);
      if (known !== undefined) return known;
      await setup(undefined);
      const first = (await reachable(redis.hsetnx(key, name, String(version)))) === 1;
      await reachable(redis.hsetnx(key, `${name}@${version}`, JSON.stringify(first ? { handover: [] } : {})));
      return (await find(name, version))!;
    },

    async setHandover({ name, version }, handover) {
      const known = await find(name, version);
      if (known?.handover === undefined) await reachable(redis.hset(key, `${name}@${version}`, JSON.stringify({ handover })));
    },

    async swap({ name, version }) {
      await reachable(redis.hset(key, name, String(version)));
    },

    async drop(model) {
      const known = await find(model.name, model.version);
      if (known === undefined || known.live) return;
      await reachable(redis.hdel(key, `${model.name}@${model.version}`));
      for await (const some of redis.scanStream({ match: `${this.place(model, '')}*`, count: 500 })) {
        const keys = some as string[];
        if (keys.length > 0) await reachable(redis.unlink(...keys));
      }
    },

    place: ({ name, version }, table) => `${root}model:${name}:${version}:${table}`,
  };
}
