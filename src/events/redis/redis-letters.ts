import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { reachable } from '../../connections/redis.ts';
import type { Retried } from '../checkpoint.ts';
import { errorText, type DeadLetter } from '../dead-letter.ts';
import type { LoggedEvent } from '../global-log.ts';
import type { RedisScript } from './script.ts';
import { parseStored } from './stream-entry.ts';
import { streamKeyOf, streamNameOf } from './stream-key.ts';

/** A parked event as it is stored, under its position. */
interface StoredLetter {
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly attempts: number;
  readonly error?: string | undefined;
  readonly atMs: number;
}

/** One that takes longer with a parked event loses it to the next who replays. */
const TAKEN_MS = 60_000;

function deadLetter(position: number, { stream, version, type, attempts, error, atMs }: StoredLetter): DeadLetter {
  return { ...streamNameOf(stream), position, version, eventType: type, attempts, error, parkedAt: new Date(atMs) };
}

function storedLetter(letter: DeadLetter): StoredLetter {
  const { version, eventType, attempts, error, parkedAt } = letter;
  return { stream: streamKeyOf(letter), version, type: eventType, attempts, error, atMs: parkedAt.getTime() };
}

/** ARGV of subscription-settle.lua for an event to park. */
export function letterArguments(event: LoggedEvent, attempts: number, error?: string): readonly (string | number)[] {
  const letter = storedLetter({ ...event, attempts, error, parkedAt: new Date() });
  return [event.position, letter.stream, JSON.stringify(letter)];
}

export async function listLetters(redis: Redis, key: string, limit: number): Promise<readonly DeadLetter[]> {
  const positions = await reachable(redis.zrange(`${key}:letters`, '0', String(limit - 1)));
  if (positions.length === 0) return [];
  const texts = await reachable(redis.hmget(`${key}:letter`, ...positions));
  return texts.flatMap((text, i) =>
    text === null ? [] : deadLetter(Number(positions[i]), parseStored(text, `dead letter ${positions[i]} of ${key}`) as StoredLetter),
  );
}

/** Takes a parked event, and lets `work` handle it: it gives the commands that belong to it. */
export async function retryLetter(
  { take, settle }: { readonly take: RedisScript; readonly settle: RedisScript },
  root: string,
  name: string,
  except: readonly number[],
  work: (letter: DeadLetter) => Promise<string>,
): Promise<Retried | undefined> {
  const token = randomUUID();
  const taken = (await take(root, name, token, TAKEN_MS, ...except)) as readonly [position: string, text: string] | null;
  if (taken === null) return undefined;
  const [position, text] = taken;
  const letter = deadLetter(Number(position), parseStored(text, `dead letter ${position} of ${name}`) as StoredLetter);
  let commands: string;
  try {
    commands = await work(letter);
  } catch (error) {
    const failed = storedLetter({ ...letter, attempts: letter.attempts + 1, error: errorText(error) });
    await settle(root, name, token, position, '', JSON.stringify(failed));
    return { letter, outcome: 'failed', error };
  }
  // It may have taken longer than it could be his.
  return { letter, outcome: (await settle(root, name, token, position, commands, '')) === 1 ? 'handled' : 'taken' };
}
