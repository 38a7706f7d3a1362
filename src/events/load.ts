import { toJson, type Json, type PayloadLimits } from '../flows/json.ts';
import { decodeEvents } from './decode.ts';
import { TOMBSTONE, type EventStore, type RecordedEvent, type StreamName } from './event-store.ts';
import type { StreamFoldingInto } from './event-stream.ts';
import type { Snapshots } from './snapshots.ts';
import type { SubjectKeys } from './subject-keys.ts';

export interface Loaded<State> {
  readonly state: State;
  /** Number of events of the aggregate; 0: there is none yet. */
  readonly version: number;
  /** The aggregate was deleted for good: the state is the initial one, and nothing can be appended. */
  readonly tombstoned: boolean;
}

interface Sources {
  readonly store: EventStore;
  readonly snapshots: Snapshots;
  readonly subjectKeys: SubjectKeys;
  readonly limits: PayloadLimits | undefined;
}

const PAGE = 500;

type Step<State> = (state: State, data: unknown, event: unknown) => State;

/**
 * Folds a stream into its state, from the newest snapshot that this version of the definition has made, if it makes any.
 *
 * @throws {AmendsError} UNKNOWN_DEFINITION when an event is newer than the definition; PAYLOAD_NOT_JSON, PAYLOAD_TOO_LARGE when the state can't be
 * kept as a snapshot
 */
export async function loadState<State>(
  { store, snapshots, subjectKeys, limits }: Sources,
  stream: StreamFoldingInto<State>,
  name: StreamName,
): Promise<Loaded<State>> {
  const { snapshotEvery, initial } = stream;
  const evolution = stream.evolution as Readonly<Record<string, Step<State>>>;
  const snapshot = snapshotEvery === undefined ? undefined : await snapshots.find(name, stream.version);
  let state = snapshot === undefined ? initial() : (snapshot.state as State);
  let version = snapshot?.version ?? 0;
  let tombstoned = false;

  const fold = async (events: readonly RecordedEvent[]): Promise<void> => {
    for (const event of await decodeEvents([stream], events, subjectKeys)) {
      version = event.version;
      if (event.eventType === TOMBSTONE) {
        tombstoned = true;
        state = initial();
      } else if (event.type !== '$unknown') state = evolution[event.type]!(state, event.data, event);
    }
  };
  let page: RecordedEvent[] = [];
  for await (const event of store.read(name, { fromVersion: version + 1 })) {
    page.push(event);
    if (page.length < PAGE) continue;
    await fold(page);
    page = [];
  }
  await fold(page);

  if (snapshotEvery !== undefined && !tombstoned && version - (snapshot?.version ?? 0) >= snapshotEvery) {
    const text = toJson(state, `the state of ${name.aggregateType} ${JSON.stringify(name.aggregateId)}`, limits);
    await snapshots.save(name, stream.version, { version, state: JSON.parse(text) as Json });
  }
  return { state, version, tombstoned };
}
