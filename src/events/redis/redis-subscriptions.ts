import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import type {
  Batch,
  Handover,
  HandlerStore,
  PartitionStatus,
  Settled,
  StoredSubscription,
  SubscriptionStore,
  Tenure,
} from '../checkpoint.ts';
import type { LoggedEvent } from '../global-log.ts';
import { letterArguments, listLetters, retryLetter } from './redis-letters.ts';
import { checkClient, CLOCK, defineScript, readLua } from './script.ts';
import { parseStored } from './stream-entry.ts';
import { streamKeyOf } from './stream-key.ts';

const lua = (file: string): URL => new URL(file, import.meta.url);
const TENURE = lua('./subscription-tenure.lua');

export interface RedisSubscriptionsOptions {
  readonly redis: Redis;
  /** Keys begin with `{namespace}:`. 1 to 31 of `a-z 0-9 _ -`. */
  readonly namespace: string;
}

type HeldRow = readonly [partition: number, position: string, epoch: string, mark: string, attempts: string, retryInMs: number];
type HoldReply = readonly [surplus: number, partitions: number, paused: string, handover: string, parked: number, ...held: HeldRow[]];

/** Collects the commands of a handler, to be carried out with the move of the checkpoint. */
function collector(root: string): { readonly commands: (readonly string[])[]; readonly store: HandlerStore } {
  const commands: (readonly string[])[] = [];
  const write = (command: string, ...args: readonly (string | number)[]): void => {
    const [key] = args;
    if (typeof key !== 'string' || !key.startsWith(root)) {
      throw new AmendsError('INVALID_OPTION', `write(${command}): its key must begin with "${root}", so that it is in the same slot`);
    }
    commands.push([command, ...args.map(String)]);
  };
  return { commands, store: { write } };
}

/**
 * Where subscriptions stand, in Redis: a checkpoint moves after the handler, in one step with the commands that it gave to `write`.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createRedisSubscriptions({ redis, namespace }: RedisSubscriptionsOptions): SubscriptionStore {
  const root = keyRoot(namespace);
  checkClient(redis);
  const open = defineScript(redis, 'subscriptionOpen', readLua(lua('./subscription-open.lua')));
  const hold = defineScript(redis, 'subscriptionHold', readLua(CLOCK, lua('./subscription-hold.lua')));
  const release = defineScript(redis, 'subscriptionRelease', readLua(lua('./subscription-release.lua')));
  const settle = defineScript(redis, 'subscriptionSettle', readLua(TENURE, lua('./subscription-settle.lua')));
  const fail = defineScript(redis, 'subscriptionFail', readLua(CLOCK, TENURE, lua('./subscription-fail.lua')));
  const letterScripts = {
    take: defineScript(redis, 'letterTake', readLua(lua('./letter-take.lua'))),
    settle: defineScript(redis, 'letterSettle', readLua(TENURE, lua('./letter-settle.lua'))),
  };
  const keyOf = (subscription: string): string => `${root}sub:${subscription}`;
  const holder = ({ subscription, partition, owner, epoch, position }: Tenure): readonly (string | number)[] => [
    subscription,
    partition,
    owner,
    epoch,
    position,
  ];

  async function parkedAmong(subscription: string, events: readonly LoggedEvent[]): Promise<ReadonlySet<LoggedEvent>> {
    const counts = await reachable(redis.hmget(`${keyOf(subscription)}:parked`, ...events.map(streamKeyOf)));
    return new Set(events.filter((_event, i) => counts[i] != null));
  }

  async function settleBatch(
    tenure: Tenure,
    { events, to, mark, mayBeParked }: Batch,
    handle: Parameters<SubscriptionStore['settle']>[2],
  ): Promise<Settled> {
    const { commands, store } = collector(root);
    const parked = mayBeParked && events.length > 0 ? await parkedAmong(tenure.subscription, events) : new Set<LoggedEvent>();
    const letters: (string | number)[] = [];
    for (const [index, event] of events.entries()) {
      if (parked.has(event)) letters.push(...letterArguments(event, 0));
      else await handle(event, store, index);
    }
    const how = events.length === 0 ? 'passed' : 'behind';
    return (await settle(root, ...holder(tenure), to, mark, JSON.stringify(commands), how, ...letters)) as Settled;
  }

  async function remove(subscription: string): Promise<void> {
    const key = keyOf(subscription);
    await reachable(redis.srem(`${root}subs`, subscription));
    await reachable(redis.unlink(key, `${key}:members`, `${key}:letters`, `${key}:letter`, `${key}:parked`));
  }

  async function statusOf(name: string): Promise<StoredSubscription | undefined> {
    const [hash, parked, time] = await reachable(
      Promise.all([redis.hgetall(keyOf(name)), redis.zcard(`${keyOf(name)}:letters`), redis.time()]),
    );
    const nowMs = Number(time[0]) * 1_000;
    if (hash['partitions'] === undefined) return undefined;
    const partitions = Array.from({ length: Number(hash['partitions']) }, (_, partition): PartitionStatus => {
      const field = (of: string): string | undefined => hash[`${partition}.${of}`];
      return {
        partition,
        position: Number(field('position')),
        owner: Number(field('until') ?? 0) > nowMs ? field('owner') : undefined,
        epoch: Number(field('epoch')),
        attempts: Number(field('attempts') ?? 0),
        error: field('error'),
      };
    });
    return { name, paused: hash['paused'] === '1', partitions, parked };
  }

  return {
    kind: 'redis',

    async open(subscription, partitions, position) {
      await open(root, subscription, partitions, position);
    },

    async hold(subscription, owner, leaseMs) {
      const [surplus, partitions, paused, handoverText, parked, ...rows] = (await hold(root, subscription, owner, leaseMs)) as HoldReply;
      const handover = parseStored(handoverText, `the handover of subscription ${subscription}`) as readonly Handover[];
      return {
        surplus,
        partitions: rows.map(([partition, position, epoch, mark, attempts, retryInMs]) => ({
          partition,
          partitions,
          position: Number(position),
          epoch: Number(epoch),
          mark,
          paused: paused === '1',
          attempts: Number(attempts),
          retryInMs,
          handover,
          parked: parked > 0,
        })),
      };
    },

    async release(subscription, owner, partitions) {
      if (partitions.length > 0) await release(root, subscription, owner, ...partitions);
    },

    async leave(subscription, owner) {
      await release(root, subscription, owner);
    },

    settle: settleBatch,

    async fail(tenure, error, retryAfterMs) {
      return ((await fail(root, ...holder(tenure), error, retryAfterMs)) as number | null) ?? undefined;
    },

    async park(tenure, event, { attempts, error }) {
      return (await settle(
        root,
        ...holder(tenure),
        event.position,
        '',
        '[]',
        'failed',
        ...letterArguments(event, attempts, error),
      )) as Settled;
    },

    async setPaused(subscription, paused) {
      if ((await reachable(redis.exists(keyOf(subscription)))) === 0) return false;
      await reachable(redis.hset(keyOf(subscription), 'paused', paused ? '1' : '0'));
      return true;
    },

    async list(subscription) {
      const names = subscription === undefined ? (await reachable(redis.smembers(`${root}subs`))).sort() : [subscription];
      return (await Promise.all(names.map(statusOf))).filter((one) => one !== undefined);
    },

    remove,

    letters: (subscription, limit) => listLetters(redis, keyOf(subscription), limit),

    retry: (subscription, except, prepare, work) =>
      retryLetter(letterScripts, root, subscription, except, async (letter) => {
        const { commands, store } = collector(root);
        await work(await prepare(letter), letter, store);
        return JSON.stringify(commands);
      }),
  };
}
