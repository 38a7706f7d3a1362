import { AmendsError } from '../errors.ts';
import { checkName } from '../flows/names.ts';
import { isSchema, type InputOf, type OutputOf, type Schema } from '../flows/schema.ts';
import { checkText, MAX_SCHEMA_VERSION } from './batch.ts';
import { expectAppends } from './cause.ts';
import { TOMBSTONE } from './event-store.ts';
import type { Forgotten, PersonalFields } from './personal-data.ts';

type EventSchemas = Readonly<Record<string, Schema>>;

/** Which fields of which events are about a person. */
type PersonalOf<E extends EventSchemas> = {
  readonly [T in keyof E]?: {
    /** The field that names the person. It stays readable. Default: the person is the aggregate. */
    readonly subject?: keyof OutputOf<E[T]> & string;
    readonly fields: readonly (keyof OutputOf<E[T]> & string)[];
  };
};

/** What is read: fields of people who were forgotten hold a placeholder. */
type Readable<Data, Personal> = Personal extends { readonly fields: readonly (infer Field)[] }
  ? { [K in keyof Data]: K extends Field ? Data[K] | Forgotten : Data[K] }
  : Data;

/** Makes data of one schema version into data of the next. Pure: it is called on every read. */
type Upcast = (data: never) => unknown;

/** What a stream's events are: their types, schemas and versions. `Inputs` and `Events` are the data by event type, as given and as read. */
export interface EventStream<Name extends string, Inputs, Events> {
  readonly kind: 'eventStream';
  readonly name: Name;
  readonly version: number;
  readonly schemas: EventSchemas;
  /** The schema version of new events, by type. */
  readonly schemaVersions: Readonly<Record<string, number>>;
  readonly upcasts: Readonly<Record<string, readonly Upcast[]>>;
  readonly personal: Readonly<Record<string, PersonalFields>>;
  readonly snapshotEvery: number | undefined;
  readonly '~types'?: { readonly inputs: Inputs; readonly events: Events };
}

interface Fold<State> {
  readonly initial: () => State;
  readonly evolution: Readonly<Record<string, (state: State, data: never, event: never) => State>>;
}

/** A stream whose events fold into a state. */
export interface FoldedStream<Name extends string, Inputs, Events, State> extends EventStream<Name, Inputs, Events>, Fold<State> {
  /** See {@link EventStreamBuilder.upcast}. */
  upcast(type: keyof Events & string, fromVersion: number, up: Upcast): FoldedStream<Name, Inputs, Events, State>;
}

/** A stream of any type. */
// oxlint-disable-next-line typescript/no-explicit-any -- the bound of generics that accept every stream
export type AnyEventStream = EventStream<string, any, any>;

/** Any stream whose events fold into this state. */
export type StreamFoldingInto<State> = AnyEventStream & Fold<State>;

/** An event of a type that this definition does not have (any more, or yet), as it is stored. */
export interface UnknownEvent<Name extends string = string> {
  readonly type: '$unknown';
  readonly stream: Name;
  readonly aggregateId: string;
  readonly eventId: string;
  readonly version: number;
  readonly eventType: string;
  readonly data: unknown;
  readonly schemaVersion: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly timestamp: Date;
  readonly forgotten: readonly string[];
}

/** An event of a definition, its data brought to the newest schema version. */
export interface KnownEvent<Name extends string, Type extends string, Data> {
  readonly type: Type;
  readonly stream: Name;
  readonly aggregateId: string;
  readonly eventId: string;
  /** Position in the stream: 1, 2, 3, … */
  readonly version: number;
  /** As it was stored. */
  readonly eventType: string;
  readonly data: Data;
  /** As it was stored. */
  readonly schemaVersion: number;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** When it was stored, by the store's clock. */
  readonly timestamp: Date;
  /** Fields that hold a placeholder, because the person they are about was forgotten. */
  readonly forgotten: readonly string[];
}

type EventsOf<Name extends string, Events> = { [Type in keyof Events & string]: KnownEvent<Name, Type, Events[Type]> }[keyof Events &
  string];

/** The events of a stream as they are read: by `type` the compiler knows `data`. A type the definition lacks comes as `$unknown`. */
export type EventOf<Stream> =
  Stream extends EventStream<infer Name, infer _Inputs, infer Events> ? EventsOf<Name, Events> | UnknownEvent<Name> : never;

/** An event to append. */
export type NewEventOf<Stream> =
  Stream extends EventStream<string, infer Inputs, infer _Events>
    ? {
        [Type in keyof Inputs & string]: {
          readonly type: Type;
          readonly data: Inputs[Type];
          /** Unique over all streams. Default: a random UUID; in a saga's step, one that is the same on every attempt. */
          readonly eventId?: string;
          readonly metadata?: Readonly<Record<string, unknown>>;
        };
      }[keyof Inputs & string]
    : never;

type Evolution<Name extends string, Events, State> = {
  readonly [Type in keyof Events & string]: (state: State, data: Events[Type], event: KnownEvent<Name, Type, Events[Type]>) => State;
};

/** A stream that can be appended to and read, and told how its events fold into a state. */
export interface EventStreamBuilder<Name extends string, Inputs, Events> extends EventStream<Name, Inputs, Events> {
  /**
   * Says how data of an older schema version becomes data of the next; what is stored is never rewritten. New events of that type get the
   * version after the last one that is told here. Give the versions in order, from 1, and keep them as long as there are such events.
   *
   * @throws {AmendsError} INVALID_DEFINITION
   * @example .upcast('placed', 1, (old: { euros: number }) => ({ cents: old.euros * 100 }))
   */
  upcast(type: keyof Events & string, fromVersion: number, up: Upcast): EventStreamBuilder<Name, Inputs, Events>;
  /** The state before the first event. */
  initially<State>(initial: () => State): {
    /** How each event changes the state. It gives a new state, and does not change the old one. */
    evolve(evolution: Evolution<Name, Events, State>): FoldedStream<Name, Inputs, Events, State>;
  };
}

export interface EventStreamOptions<Name extends string, E extends EventSchemas, P extends PersonalOf<E>> {
  /** The kind of aggregate, `order` for example. Letters, digits, `_` and `-`. */
  readonly name: Name;
  /** Raise it when `initially` or `evolve` change what the state is: snapshots of other versions are then passed over. */
  readonly version: number;
  /** The types of its events, each with a schema of its data. Data must be plain JSON. */
  readonly events: E;
  /** Fields about people: they are encrypted, each person under a key of their own, until `events.forget(person)` destroys it. */
  readonly personal?: P;
  /** `load` keeps a snapshot of the state when it had to read so many events. The state must be plain JSON. Default: no snapshots. */
  readonly snapshotEvery?: number;
}

const EVENT_TYPE = /^[A-Za-z][A-Za-z0-9_.:-]{0,127}$/;

function refuse(where: string, problem: string): never {
  throw new AmendsError('INVALID_DEFINITION', `${where}: ${problem}`);
}

function checkTypes(where: string, events: EventSchemas): void {
  if (Object.keys(events).length === 0) refuse(where, 'give it at least one event: events: { placed: z.object({ … }) }');
  for (const [type, schema] of Object.entries(events)) {
    if (!EVENT_TYPE.test(type) || type in Object.prototype || type === TOMBSTONE) {
      refuse(
        where,
        `${JSON.stringify(type)} can't be the type of an event: use 1 to 128 letters, digits and _ - . :, starting with a letter`,
      );
    }
    if (!isSchema(schema)) refuse(where, `event "${type}" has no schema: give one such as z.object({ … })`);
  }
}

function checkPersonal(where: string, events: EventSchemas, personal: Readonly<Record<string, PersonalFields | undefined>>) {
  const known: Record<string, PersonalFields> = {};
  for (const [type, marked] of Object.entries(personal)) {
    if (marked === undefined) continue;
    const { subject, fields } = marked;
    if (!Object.hasOwn(events, type)) refuse(where, `personal names the event "${type}", which it does not have: correct its name`);
    if (!Array.isArray(fields) || fields.length === 0) refuse(where, `personal: name at least one field of event "${type}"`);
    if (subject !== undefined && fields.includes(subject)) {
      refuse(where, `personal: field "${subject}" of event "${type}" names the person and can't be encrypted: take a field with an id`);
    }
    known[type] = Object.freeze({ fields: Object.freeze([...fields]), ...(subject === undefined ? {} : { subject }) });
  }
  return known;
}

function withUpcast(stream: AnyEventStream, type: string, fromVersion: number, up: Upcast): AnyEventStream {
  const where = `event stream "${stream.name}"`;
  if (!Object.hasOwn(stream.schemas, type)) refuse(where, `upcast names the event "${type}", which it does not have: correct its name`);
  const known = stream.upcasts[type] ?? [];
  if (fromVersion !== known.length + 1 || fromVersion >= MAX_SCHEMA_VERSION) {
    refuse(where, `the next upcast of "${type}" is from version ${known.length + 1}, not ${String(fromVersion)}: give them in order`);
  }
  if (typeof up !== 'function') refuse(where, `upcast of "${type}" from version ${fromVersion}: give a function`);
  return {
    ...stream,
    upcasts: { ...stream.upcasts, [type]: [...known, up] },
    schemaVersions: { ...stream.schemaVersions, [type]: fromVersion + 1 },
  };
}

type Folded = FoldedStream<string, unknown, Record<string, unknown>, unknown>;

function folded(stream: AnyEventStream, initial: Folded['initial'], evolution: Folded['evolution']): Folded {
  return Object.freeze({
    ...stream,
    initial,
    evolution,
    upcast: (type: string, from: number, up: Upcast) => folded(withUpcast(stream, type, from, up), initial, evolution),
  });
}

function builderOf(stream: AnyEventStream): EventStreamBuilder<string, unknown, Record<string, unknown>> {
  const where = `event stream "${stream.name}"`;
  return Object.freeze({
    ...stream,
    upcast: (type: string, from: number, up: Upcast) => builderOf(withUpcast(stream, type, from, up)),
    initially(initial: () => never) {
      if (typeof initial !== 'function') refuse(where, 'initially takes a function that gives the first state');
      return {
        evolve(evolution: Readonly<Record<string, unknown>>) {
          for (const type of Object.keys(stream.schemas)) {
            const has = Object.hasOwn(evolution, type) && typeof evolution[type] === 'function';
            if (!has) refuse(where, `evolve does not say what "${type}" does to the state: add ${type}: (state, data) => state`);
          }
          const extra = Object.keys(evolution).find((type) => !Object.hasOwn(stream.schemas, type));
          if (extra !== undefined) refuse(where, `evolve names the event "${extra}", which it does not have: correct its name`);
          return folded(stream, initial, { ...evolution } as never) as never;
        },
      };
    },
  });
}

/**
 * Declares a kind of stream: one stream for each aggregate of that name, its events with their schemas (zod, or any Standard Schema), and how
 * they fold into a state.
 *
 * @throws {AmendsError} INVALID_DEFINITION
 * @example
 * const orders = eventStream({ name: 'order', version: 1, events: { placed: z.object({ cents: z.int() }), paid: z.object({}) } })
 *   .initially(() => ({ status: 'none', cents: 0 }))
 *   .evolve({ placed: (state, { cents }) => ({ ...state, status: 'placed', cents }), paid: (state) => ({ ...state, status: 'paid' }) });
 */
// oxlint-disable-next-line typescript/no-generated-empty-object-type -- no event has personal fields
export function eventStream<const Name extends string, E extends EventSchemas, const P extends PersonalOf<E> = Record<never, never>>(
  options: EventStreamOptions<Name, E, P>,
): EventStreamBuilder<
  Name,
  { [T in keyof E & string]: InputOf<E[T]> },
  { [T in keyof E & string]: Readable<OutputOf<E[T]>, T extends keyof P ? P[T] : undefined> }
> {
  const name = checkName('stream', options.name);
  const where = `event stream "${name}"`;
  const { version, events, snapshotEvery } = options;
  checkText('name', name);
  if (name === 'transaction') refuse(where, 'streams of that name are the journal of the sagas: take another name');
  if (!Number.isSafeInteger(version) || version < 1 || version > MAX_SCHEMA_VERSION) {
    refuse(where, `version is ${String(version)}: give a whole number from 1`);
  }
  if (snapshotEvery !== undefined && (!Number.isSafeInteger(snapshotEvery) || snapshotEvery < 1)) {
    refuse(where, `snapshotEvery is ${String(snapshotEvery)}: give a whole number from 1, or leave it out`);
  }
  checkTypes(where, events);
  const personal = checkPersonal(where, events, options.personal ?? {});
  if (snapshotEvery !== undefined && Object.keys(personal).length > 0) {
    refuse(where, 'a snapshot would keep what forget() has to destroy: leave out snapshotEvery, or personal');
  }
  expectAppends();
  const stream: AnyEventStream = {
    kind: 'eventStream',
    name,
    version,
    schemas: Object.freeze({ ...events }),
    schemaVersions: Object.fromEntries(Object.keys(events).map((type) => [type, 1])),
    upcasts: {},
    personal,
    snapshotEvery,
  };
  return builderOf(stream) as never;
}
