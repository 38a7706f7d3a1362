import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Amends } from '../../../src/amends.ts';
import { alertSink, type Sink } from '../../telemetry/sink.ts';
import type { OwnServer } from '../run/own-server.ts';
import { ownPostgres, ownRedis } from '../run/servers.ts';
import { startHere, startProcess, type Player } from './players.ts';
import { open, type Place, type Role } from './roles.ts';

export const STORES = ['redis', 'postgres', 'redis+postgres', 'embedded'] as const;
export type StoreChoice = (typeof STORES)[number];

/** The servers of a store, for as many namespaces as wanted. */
export interface Servers {
  readonly store: StoreChoice;
  readonly redis: OwnServer | undefined;
  readonly folder: string;
  place(namespace: string): Place;
  close(): Promise<void>;
}

/** What faults happen on, and who tells of them. */
export interface Stage {
  readonly servers: Servers;
  readonly client: Amends;
  readonly alerts: Sink;
  /** Starts somebody more: a process, but on the embedded store. */
  start(role: Role): Promise<Player>;
  readonly stopping: AbortSignal;
  close(): Promise<void>;
}

function needed<T>(server: T | undefined, name: string): T {
  if (server === undefined) throw new Error(`there is no ${name} on this machine: install it, or choose another --store`);
  return server;
}

export async function openServers(store: StoreChoice, folder: string): Promise<Servers> {
  mkdirSync(folder, { recursive: true });
  const redis = store.startsWith('redis') ? needed(await ownRedis(folder), 'redis-server') : undefined;
  const postgres = store.endsWith('postgres')
    ? await ownPostgres(folder).then(
        (server) => needed(server, 'PostgreSQL'),
        async (error: unknown) => {
          await redis?.stop();
          throw error;
        },
      )
    : undefined;
  return {
    store,
    redis,
    folder,
    place(namespace) {
      if (store === 'embedded') return { url: '', folder: join(folder, 'embedded'), namespace };
      const journal = store === 'redis+postgres' ? { journal: postgres!.url } : {};
      return { url: (redis ?? postgres)!.url, namespace, ...journal };
    },
    async close() {
      await redis?.stop();
      await postgres?.stop();
    },
  };
}

interface StageOptions {
  readonly namespace: string;
  readonly stopping: AbortSignal;
  /** Not with the defaults. */
  readonly quick?: boolean;
}

export async function openStage(servers: Servers, { namespace, stopping, quick = false }: StageOptions): Promise<Stage> {
  const place = servers.place(namespace);
  const client = await open(place);
  const alerts = await alertSink();
  const players = new Set<Player>();
  let started = 0;
  return {
    servers,
    client,
    alerts,
    stopping,
    async start(role) {
      const part = { role, place, alertUrl: alerts.url, quick };
      const log = join(servers.folder, `${namespace}-${role}-${++started}.log`);
      const player = await (servers.store === 'embedded' ? startHere(client, part) : startProcess(part, log));
      players.add(player);
      return player;
    },
    async close() {
      await Promise.all([...players].map((player) => player.kill()));
      await client.close();
      await alerts.close();
    },
  };
}
