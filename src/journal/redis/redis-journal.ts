import { randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { keyRoot, reachable } from '../../connections/redis.ts';
import { AmendsError } from '../../errors.ts';
import { checkText } from '../../events/batch.ts';
import { BATCH, CallBatch, type BatchedCall } from '../../events/redis/call-batch.ts';
import { TRIM_LOG } from '../../events/redis/redis-log.ts';
import { refuseSqlTransaction } from '../../events/redis/redis-event-store.ts';
import { checkClient, CLOCK, defineScript, FIT, readLua } from '../../events/redis/script.ts';
import { entryFields, parseStored, type StreamEntry } from '../../events/redis/stream-entry.ts';
import { streamKeyOf } from '../../events/redis/stream-key.ts';
import type { Plan } from '../../flows/plan.ts';
import type { TransactionEvent } from '../../machine/event.ts';
import { isTerminal } from '../../machine/state.ts';
import { TRANSACTION, type Commit, type CommitResult, type Journal, type JournaledEvent } from '../journal.ts';
import { purgeInCalls } from '../purge.ts';
import { OPEN, type OpenCount } from '../open-counts.ts';
import { announcementsOn, type AnnounceIn } from './announcements.ts';
import { listPage } from './page.ts';
import { summaryFrom, tagArguments } from './summary-hash.ts';

const lua = (file: string): URL => new URL(file, import.meta.url);
const COMMIT = readLua(CLOCK, FIT, BATCH, lua('./commit.lua'));
const LIST = readLua(lua('./list.lua'));
const SUMMARIES = readLua(lua('./summaries.lua'));
const COUNTS = readLua(lua('./counts.lua'));
const PURGE = readLua(lua('./purge.lua'));
const REGISTER_PLAN = readLua(lua('./register-plan.lua'));

const SUMMARIES_PER_CALL = 500;
/** Entries of the global log one call looks at: it serves others in between. */
const TRIMMED_PER_CALL = 1_000;

export interface RedisJournalOptions {
  readonly redis: Redis;
  /** Keys begin with `{namespace}:`. 1 to 31 of `a-z 0-9 _ -`. */
  readonly namespace: string;
  /** Who hears announcements: `server` (default), all that listen to any node; `shard`, on a cluster of Redis 7: those that listen to the slot's own. */
  readonly announceIn?: AnnounceIn | undefined;
}

function journaledEvent(id: string, entry: StreamEntry): JournaledEvent {
  const { version, type, data, atMs } = entryFields(entry);
  return { version, atMs, event: { type, data: parseStored(data, `event ${version} of transaction ${id}`) } as TransactionEvent };
}

function checkCommit({ id, expectedVersion, events, tx }: Commit): void {
  refuseSqlTransaction(tx);
  checkText("the transaction's id", id);
  if (!Number.isSafeInteger(expectedVersion) || expectedVersion < 0) {
    throw new AmendsError('INVALID_OPTION', `expectedVersion is ${String(expectedVersion)}: give the number of events seen, from 0`);
  }
  if (events.length === 0) throw new AmendsError('EMPTY_BATCH', `nothing to commit to transaction ${id}: give at least one event`);
}

/** One commit, as commit.lua wants it. What can't change after the start is sent with the start only. */
function commitCall({ id, expectedVersion, events, summary, announce }: Commit, token: string, announceIn: AnnounceIn): BatchedCall {
  const { status, error } = summary;
  const how = announceIn === 'shard' ? 's' : 'a';
  const flags = `${announce ? how : ''}${isTerminal(summary) ? 't' : ''}${error === undefined ? '' : 'e'}`;
  const args: (string | number)[] = [id, expectedVersion, token, status, flags];
  const texts: string[] = [];
  for (const { type, data } of events) {
    args.push(type);
    texts.push(JSON.stringify(data));
  }
  if (error !== undefined) args.push(error);
  if (expectedVersion === 0) args.push(summary.saga, summary.definitionVersion, ...tagArguments(summary.tags));
  return { args, texts };
}

function planField(saga: string, definitionVersion: number): string {
  return `${saga}@${definitionVersion}`;
}

/**
 * The journal in Redis 6.2 or newer. Each commit is one script. What it acknowledged is as safe as the server's persistence makes it.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function createRedisJournal({ redis, namespace, announceIn = 'server' }: RedisJournalOptions): Journal {
  const root = keyRoot(namespace);
  checkClient(redis);
  const commits = new CallBatch(defineScript(redis, 'commit', COMMIT), root, 16);
  const list = defineScript(redis, 'list', LIST);
  const summaries = defineScript(redis, 'summaries', SUMMARIES);
  const counts = defineScript(redis, 'openCounts', COUNTS);
  const purge = defineScript(redis, 'purge', PURGE);
  const trimLog = defineScript(redis, 'trimLog', TRIM_LOG);
  const registerPlan = defineScript(redis, 'registerPlan', REGISTER_PLAN);
  const announcements = announcementsOn(redis, `${root}announce`, announceIn);
  const tokenPrefix = randomBytes(6).toString('base64url');
  let tokens = 0;

  const behind = async ({ id, expectedVersion }: Commit): Promise<AmendsError> => {
    const version = await reachable(redis.hget(`${root}t:${id}`, 'version'));
    const details = { id, expected: expectedVersion, actual: Number(version ?? 0) };
    return version === null
      ? new AmendsError('TRANSACTION_NOT_FOUND', `there is no transaction ${id}: it was purged, or Redis lost it`, { details })
      : new AmendsError('STORE_CORRUPT', `transaction ${id} has ${version} events, and ${expectedVersion} were seen: Redis lost writes`, {
          details,
        });
  };

  // A writer that is told of a lost race decides again on what it had not seen: without any it would go round for ever.
  const lostRace = async (asked: Commit, [unseen]: readonly [readonly StreamEntry[]]): Promise<CommitResult> => {
    if (unseen.length === 0) throw await behind(asked);
    return { committed: false, unseen: unseen.map((entry) => journaledEvent(asked.id, entry)) };
  };

  const read = async (id: string, afterVersion = 0): Promise<readonly JournaledEvent[]> => {
    const key = `${root}s:${streamKeyOf({ aggregateType: TRANSACTION, aggregateId: id })}`;
    const entries = (await reachable(redis.xrange(key, afterVersion + 1, '+'))) as StreamEntry[];
    return entries.map((entry) => journaledEvent(id, entry));
  };

  return {
    // Promises and no async function, like all that each step passes through several times.
    commit(asked): Promise<CommitResult> {
      let call: BatchedCall;
      try {
        checkCommit(asked);
        call = commitCall(asked, tokenPrefix + (tokens++).toString(36), announceIn);
      } catch (error) {
        return Promise.reject(error);
      }
      return commits.call(call, (reply): CommitResult | Promise<CommitResult> =>
        Array.isArray(reply) ? lostRace(asked, reply as [StreamEntry[]]) : { committed: true, atMs: Number(reply) },
      );
    },

    read,

    async histories(ids) {
      // Sent together: still one round trip.
      const all = await Promise.all([...new Set(ids)].map(async (id) => [id, await read(id)] as const));
      return new Map(all.filter(([, events]) => events.length > 0));
    },

    list: (filter) => listPage(list, root, filter),

    async summaries(ids) {
      const unique = [...new Set(ids)];
      const chunks: string[][] = [];
      for (let i = 0; i < unique.length; i += SUMMARIES_PER_CALL) chunks.push(unique.slice(i, i + SUMMARIES_PER_CALL));
      // Sent together: still one round trip.
      const replies = await Promise.all(chunks.map((chunk) => summaries(root, ...chunk)));
      const hashes = (replies as (readonly string[])[][]).flat();
      return unique.flatMap((id, position) => summaryFrom(id, hashes[position] ?? []) ?? []);
    },

    async openCounts(sagas) {
      if (sagas.length === 0) return [];
      const found = (await counts(root, sagas.length, ...sagas, ...OPEN)) as readonly (string | number)[];
      const open: OpenCount[] = [];
      for (let at = 0; at < found.length; at += 3) {
        open.push({ saga: String(found[at]), status: found[at + 1] as OpenCount['status'], count: Number(found[at + 2]) });
      }
      return open;
    },

    async registerPlan(plan) {
      const field = planField(plan.name, plan.version);
      return parseStored((await registerPlan(root, field, JSON.stringify(plan))) as string, `plan ${field}`) as Plan;
    },

    async listPlans() {
      const plans = await reachable(redis.hgetall(`${root}plans`));
      return Object.entries(plans).map(([field, text]) => parseStored(text, `plan ${field}`) as Plan);
    },

    async findPlan(saga, definitionVersion) {
      const field = planField(saga, definitionVersion);
      const text = await reachable(redis.hget(`${root}plans`, field));
      return text === null ? undefined : (parseStored(text, `plan ${field}`) as Plan);
    },

    watch: (listener) => announcements.watch(listener),

    purge: (options) =>
      purgeInCalls(options, async (endedBeforeMs, wanted) => {
        const removed = Number(await purge(root, endedBeforeMs, wanted));
        // Where nobody reads the global log its entries would stay for ever.
        if (removed > 0) while (Number(await trimLog(root, endedBeforeMs, TRIMMED_PER_CALL)) === TRIMMED_PER_CALL);
        return removed;
      }),
    async timeMs() {
      const [seconds, microseconds] = await reachable(redis.time());
      return Number(seconds) * 1_000 + Math.floor(Number(microseconds) / 1_000);
    },

    close: () => announcements.close(),
  };
}
