import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { connect, type Amends } from '../../../src/amends.ts';
import { openEmbedded } from '../../../src/connections/embedded.ts';
import { openPostgres } from '../../../src/connections/postgres.ts';
import { copyEmbeddedStore } from '../../support/embedded-template.ts';
import { createPostgresPlace } from '../../support/postgres-place.ts';
import { createRedisPlace } from '../../support/redis-place.ts';
import type { StoreKind } from '../../support/stores.ts';
import { auditRedis, auditSql, endSqlAudit, type WriteAudit } from './audit.ts';

/** Where victims run: servers are shared by all of them, and of the embedded store each has a folder of its own. */
export interface CrashPlace {
  readonly kind: StoreKind;
  readonly description: string;
  /** The store of one more victim. */
  make(): Promise<string>;
  /** Notes what is written to this store from now on. */
  audit(url: string): Promise<WriteAudit>;
  end(options: { readonly keep: boolean }): Promise<void>;
}

/** Connects to a victim's store, of this kind. */
export function connectTo(kind: StoreKind, url: string, namespace: string): Promise<Amends> {
  const options = { namespace, logger: pino({ level: process.env['FAULT_LOG'] ?? 'silent' }) };
  return kind === 'embedded' ? connect('', { ...options, folder: url }) : connect(url, options);
}

async function redisPlace(namespace: string): Promise<CrashPlace> {
  const place = await createRedisPlace(namespace);
  // The first start in a namespace settles how many shards it has, and no other one writes that.
  await (await connect(place.url, { namespace, shards: 1, logger: pino({ level: 'silent' }) })).close();
  return {
    kind: 'redis',
    description: place.description,
    make: async () => place.url,
    audit: (url) => auditRedis(url, namespace),
    end: (options) => place.end(options),
  };
}

async function postgresPlace(namespace: string): Promise<CrashPlace> {
  const place = await createPostgresPlace(namespace);
  await (await connectTo('postgres', place.url, namespace)).close();
  return {
    kind: 'postgres',
    description: place.description,
    make: async () => place.url,
    async audit(url) {
      const pool = await openPostgres(url, { maxConnections: 1 });
      const end = await auditSql(pool, ['bullmq', namespace]);
      return {
        async end() {
          try {
            return await end();
          } finally {
            await pool.end();
          }
        },
      };
    },
    end: (options) => place.end(options),
  };
}

async function embeddedPlace(namespace: string): Promise<CrashPlace> {
  const root = await mkdtemp(join(tmpdir(), `amends-${namespace}-`));
  const template = join(root, 'template');
  await copyEmbeddedStore(template);
  await (await connectTo('embedded', template, namespace)).close();
  let made = 0;
  return {
    kind: 'embedded',
    description: `folders in ${root}`,
    async make() {
      const folder = join(root, `victim-${++made}`);
      await cp(template, folder, { recursive: true, filter: (path) => !/[/\\]lock\.\d+$/.test(path) });
      return folder;
    },
    async audit(folder) {
      const before = await openEmbedded({ folder });
      await auditSql(before.pool, ['bullmq', namespace]);
      await before.close();
      return {
        async end() {
          const after = await openEmbedded({ folder });
          try {
            return await endSqlAudit(after.pool);
          } finally {
            await after.close();
          }
        },
      };
    },
    async end({ keep }) {
      if (!keep) await rm(root, { recursive: true, force: true });
    },
  };
}

const CREATE = { redis: redisPlace, postgres: postgresPlace, embedded: embeddedPlace };

export function createCrashPlace(kind: StoreKind, namespace: string): Promise<CrashPlace> {
  return CREATE[kind](namespace);
}
