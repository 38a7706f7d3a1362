import { reachable } from '../connections/redis-errors.ts';
import type { SqlExecutor } from '../connections/sql.ts';
import { AmendsError, isAmendsError } from '../errors.ts';
import { presentCause } from '../events/cause.ts';
import { asJson, hashOf } from '../flows/json.ts';
import { checkName } from '../flows/names.ts';
import type { AnyDefinition } from '../flows/definition.ts';
import { parseWith } from '../flows/schema.ts';
import type { Recorded } from '../journal/transactions.ts';
import type { Rules } from '../machine/decide.ts';
import type { EventData } from '../machine/event.ts';
import { isTerminal, type State } from '../machine/state.ts';
import { discardStart, enqueueStart, restore } from '../queues/advance.ts';
import { isRegistered, register, type Engine } from './engine.ts';

export interface StartOptions {
  /**
   * The same id with the same input gives the same run, with another input a TRANSACTION_CONFLICT, as long as the transaction is in the journal:
   * see `retentionMs` of the worker. After that the id is free. Default: a random UUID.
   */
  readonly id?: string;
  /** To find it by in lists: up to 16, values up to 200 characters. */
  readonly tags?: Readonly<Record<string, string>>;
  /** Your open SQL transaction (both journal and queue on PostgreSQL): the saga starts if and when it commits. */
  readonly tx?: SqlExecutor;
}

export interface TccStartOptions extends StartOptions {
  /**
   * When everything is held the TCC waits to be told its verdict with `run.confirm()` or `run.cancel()`, until its deadline: for one that is part
   * of something larger. Default `false`: it confirms by itself.
   */
  readonly awaitsVerdict?: boolean;
}

const MOST_TAGS = 16;
const LONGEST_TAG = 200;

function checkTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(tags);
  if (entries.length > MOST_TAGS)
    throw new AmendsError('INVALID_INPUT', `${entries.length} tags were given: at most ${MOST_TAGS} are allowed`);
  for (const [name, value] of entries) {
    checkName('tag', name);
    if (typeof value !== 'string' || value.length > LONGEST_TAG) {
      throw new AmendsError('INVALID_INPUT', `tag "${name}" must be a string of at most ${LONGEST_TAG} characters`);
    }
  }
  return { ...tags };
}

function inputHash(input: unknown, what: string): string {
  try {
    return hashOf(input);
  } catch (error) {
    throw new AmendsError('PAYLOAD_NOT_JSON', `${what} can't be told from another one: pass plain JSON data`, {
      cause: error,
    });
  }
}

function checkSame(state: State, started: EventData<'saga_started'>): void {
  if (state.saga === started.saga && state.inputHash === started.inputHash) return;
  const what = state.saga === started.saga ? 'another input' : `saga "${state.saga}"`;
  throw new AmendsError(
    'TRANSACTION_CONFLICT',
    `transaction ${state.id} was started before with ${what}: use another id for another transaction, or the same input to get the same run`,
    { details: { id: state.id } },
  );
}

interface NamedStart extends TccStartOptions {
  readonly id: string;
  /** Nobody can have started one with this id before. */
  readonly isNew: boolean;
}

/**
 * Starts a saga, or finds the one that was started before with this id and input: `false` then.
 *
 * @throws {AmendsError} INVALID_INPUT, INVALID_ID, PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE, PLAN_CHANGED, TRANSACTION_CONFLICT, NOT_ALLOWED (tx on Redis),
 * STORE_UNREACHABLE
 */
export function start(engine: Engine, saga: AnyDefinition, input: unknown, options: NamedStart): Promise<boolean> {
  const about = { id: options.id, saga: saga.name, kind: saga.kind, version: saga.version, parent: presentCause()?.traceparent };
  return engine.telemetry.tracing.start(about, (traceparent) => begin(engine, saga, input, options, traceparent));
}

async function begin(
  engine: Engine,
  saga: AnyDefinition,
  input: unknown,
  options: NamedStart,
  traceparent: string | undefined,
): Promise<boolean> {
  const { id } = options;
  const tags = checkTags(options.tags ?? {});
  const what = `the input of ${saga.kind} "${saga.name}"`;
  const parsing: unknown = parseWith(saga.input, input, what);
  const parsed: unknown = parsing instanceof Promise ? await parsing : parsing;
  const json = asJson(parsed, what, engine.limits);
  if (!isRegistered(engine, saga)) await register(engine, saga);
  const { plan, bindings } = saga;
  const startedAtMs = engine.clock.nowMs();
  const started: EventData<'saga_started'> = {
    saga: saga.name,
    definitionVersion: saga.version,
    fingerprint: plan.fingerprint,
    input: json,
    // Of what the caller gave, before defaults: a schema may fill in something new each time.
    inputHash: inputHash(input, what),
    tags,
    deadlineAtMs: plan.deadlineMs === null ? null : startedAtMs + plan.deadlineMs,
    startedAtMs,
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(plan.kind === 'tcc' ? { kind: plan.kind } : {}),
    ...(plan.kind === 'tcc' && options.awaitsVerdict === true ? { awaitsVerdict: true } : {}),
  };
  const rules = { plan, bindings, limits: engine.limits };
  if (options.isNew && engine.inOrder && options.tx === undefined) return await beginAtOnce(engine, rules, id, started);
  const { created, state, events } = await engine.transactions.start(rules, id, started, { tx: options.tx });
  if (created) {
    await reachable(enqueueStart(engine.queues, plan, state, events, options.tx));
  } else {
    checkSame(state, started);
    // The first starter may have died between journal and queue. Or is about to add them: a TCC is not to be cancelled for that as if it were lost.
    if (!isTerminal(state) && state.fingerprint === plan.fingerprint && options.tx === undefined)
      await reachable(restore(engine.queues, plan, state, undefined, plan.kind !== 'tcc'));
  }
  return created;
}

/** Sends the jobs right behind the commit, on the same connection: they are added when it is done, and both cost one round trip. */
async function beginAtOnce({ transactions, queues }: Engine, rules: Rules, id: string, started: EventData<'saga_started'>): Promise<true> {
  const { plan } = rules;
  let begun: Recorded | undefined;
  let adding: Promise<void> | undefined;
  const meanwhile = (beginning: Recorded): void => {
    begun = beginning;
    adding = sent().then(() => enqueueStart(queues, plan, beginning.state, beginning.events));
    adding.catch(() => undefined); // told below
  };
  try {
    await transactions.start(rules, id, started, { meanwhile });
  } catch (error) {
    // Where it isn't known whether it was done, its jobs are what finds out.
    if (begun !== undefined && !isAmendsError(error, 'STORE_UNREACHABLE')) {
      const { state, events } = begun;
      await Promise.resolve(adding)
        .then(() => discardStart(queues, plan, state, events))
        .catch(() => undefined);
    }
    throw error;
  }
  await reachable(adding!);
  return true;
}

let leaving: Promise<void> | undefined;

/** Commits leave at the end of the present turn of the event loop: this one, and all that begin in the same turn. */
function sent(): Promise<void> {
  leaving ??= new Promise((resolve) => {
    process.nextTick(() => {
      leaving = undefined;
      resolve();
    });
  });
  return leaving;
}
