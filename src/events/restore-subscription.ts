import { randomUUID } from 'node:crypto';
import { AmendsError } from '../errors.ts';
import type { EventBackend } from './backend.ts';
import type { HeldPartition, Settled } from './checkpoint.ts';
import type { DumpedSubscription } from './dump-line.ts';

/** Long enough to write what is parked. */
const LEASE_MS = 600_000;

function moved(settled: Settled, name: string): void {
  if (settled === 'moved') return;
  throw new AmendsError('NOT_ALLOWED', `subscription "${name}" is run by another process: stop it while the store is restored`);
}

/** Puts a subscription where it was: each partition to its position, what it had parked parked again. Nothing is handled. */
export async function restoreSubscription({ log, subscriptions }: EventBackend, dumped: DumpedSubscription): Promise<void> {
  const { name, positions, parked, paused } = dumped;
  const owner = `restore:${randomUUID()}`;
  const counts = positions.length;
  await subscriptions.open(name, counts, 0);
  const { partitions } = await subscriptions.hold(name, owner, LEASE_MS);
  const at = new Map(partitions.map((held) => [held.partition, { held, position: held.position }]));
  const placeOf = (partition: number): { readonly held: HeldPartition; position: number } => {
    const place = at.get(partition);
    if (place !== undefined) return place;
    throw new AmendsError('NOT_ALLOWED', `subscription "${name}" is run by another process: stop it while the store is restored`);
  };
  const tenureOf = ({ held, position }: { readonly held: HeldPartition; readonly position: number }) => ({
    subscription: name,
    partition: held.partition,
    owner,
    epoch: held.epoch,
    position,
  });

  for (const { position, attempts, error = '' } of parked.toSorted((a, b) => a.position - b.position)) {
    const categories = undefined;
    const [event] = (await log.read(position - 1, { limit: 1, categories })).events;
    if (event?.position !== position) continue; // its stream was tombstoned
    const place = placeOf(event.keyHash % counts);
    moved(await subscriptions.park(tenureOf(place), event, { attempts, error }), name);
    place.position = position;
  }
  for (const [partition, to] of positions.entries()) {
    const place = placeOf(partition);
    if (place.position >= to) continue;
    const batch = { events: [], to, mark: '', mayBeParked: false, transaction: false };
    moved(await subscriptions.settle(tenureOf(place), batch, () => Promise.resolve()), name);
  }
  await subscriptions.leave(name, owner);
  if (paused) await subscriptions.setPaused(name, true);
}
