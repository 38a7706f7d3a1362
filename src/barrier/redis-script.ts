import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { AmendsError } from '../errors.ts';

/**
 * Sends a command to Redis. An ioredis client is one, also a `Cluster`; of node-redis it is `{ call: (...command) => client.sendCommand(command) }`.
 */
export interface RedisCommands {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** What a participant does in Redis: a Lua script, or commands that are carried out one after the other. */
export type RedisWork = {
  /** Every key it touches. On a cluster all of them carry the hash tag. */
  readonly keys: readonly string[];
} & (
  | {
      /**
       * Lua as for `EVAL`, with its own `KEYS` and `ARGV`, and `undone`: for an undo, what the action's script returned (tables, strings and
       * numbers). It is part of one larger script: give it values by `args`, never in its text, or Redis keeps a script for each value.
       */
      readonly script: string;
      readonly args?: readonly (string | number)[] | undefined;
      readonly commands?: undefined;
    }
  | {
      /** Each the name of a command and its arguments. The result is the list of their replies. */
      readonly commands: readonly (readonly (string | number)[])[];
      readonly script?: undefined;
      readonly args?: undefined;
    }
);

const read = (file: string): string => readFileSync(new URL(file, import.meta.url), 'utf8');
const GUARD = read('./redis.lua');
const COMMANDS = read('./redis-commands.lua');
/** What `unpack` of Redis' Lua takes is a little below 8000. */
const MOST_ARGUMENTS = 4000;

function refuse(problem: string): never {
  throw new AmendsError('INVALID_OPTION', `the work in Redis: ${problem}`);
}

function texts(name: string, values: unknown): string[] {
  if (!Array.isArray(values)) return refuse(`${name} is a ${typeof values}: give a list`);
  if (values.length > MOST_ARGUMENTS) refuse(`${name} has ${values.length} entries: give ${MOST_ARGUMENTS} at most`);
  return values.map((value: unknown) => {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return String(value);
    return refuse(`${name} holds ${typeof value === 'number' ? value : `a value of type ${typeof value}`}: give text or finite numbers`);
  });
}

export interface ComposedScript {
  readonly lua: string;
  readonly keys: readonly string[];
  readonly args: readonly string[];
}

/** The guard with the participant's work in it. @throws {AmendsError} INVALID_OPTION */
export function compose(work: RedisWork): ComposedScript {
  const keys = texts('keys', work.keys);
  if (work.keys.some((key) => typeof key !== 'string' || key === '')) refuse('keys holds something that is not a key: give text');
  const { script, commands } = work;
  if ((script === undefined) === (commands === undefined)) refuse('give either script or commands');
  let [body, args] = [COMMANDS, [] as readonly string[]];
  if (script !== undefined) {
    if (typeof script !== 'string' || script.trim() === '') refuse('script is empty: give Lua');
    if (script.startsWith('#!')) refuse('script begins with #!, and it becomes a part of another one: drop its first line');
    [body, args] = [script, texts('args', work.args ?? [])];
  } else {
    const list = (commands as readonly unknown[]).map((command, i) => texts(`command ${i + 1}`, command));
    if (list.length === 0 || list.some(([name = '']) => name === '')) refuse('commands is empty, or one of them is: name commands');
    args = [JSON.stringify(list)];
  }
  // The participant's first line is the first line: errors name its own lines.
  return { lua: `local function work(KEYS, ARGV, undone, redis, server) ${body}\nend\n${GUARD}`, keys, args };
}

/** Runs a script by its hash, and sends it whole where the server doesn't know it (any more). */
export async function evaluate(redis: RedisCommands, lua: string, keys: readonly string[], args: readonly string[]): Promise<unknown> {
  const rest = [String(keys.length), ...keys, ...args];
  try {
    return await redis.call('EVALSHA', createHash('sha1').update(lua).digest('hex'), ...rest);
  } catch (error) {
    if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
    return redis.call('EVAL', lua, ...rest);
  }
}
