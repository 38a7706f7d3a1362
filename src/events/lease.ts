import { setTimeout as delay } from 'node:timers/promises';
import type { HeldPartition } from './checkpoint.ts';
import { PartitionReader, type ReaderDependencies } from './partition-reader.ts';

/** How often leases are renewed at most: a pause, another process, a partition that is free are noticed that soon. */
const LONGEST_TICK_MS = 1_000;

/** Holds this process's share of the partitions of a subscription, and works on them. */
export class Leases {
  readonly #dependencies: ReaderDependencies;
  readonly #readers = new Map<number, PartitionReader>();
  readonly #stopping = new AbortController();
  #nudge = new AbortController();
  #ticking: Promise<void> | undefined;

  constructor(dependencies: ReaderDependencies) {
    this.#dependencies = dependencies;
  }

  /** Takes its share for the first time, and keeps it. */
  async start(): Promise<void> {
    await this.#tick();
    this.#ticking = this.#run();
  }

  /** Looks at once. */
  nudge(): void {
    this.#nudge.abort();
  }

  /** Ends what is in work, and gives everything back. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#ticking;
    await Promise.all([...this.#readers.values()].map((reader) => reader.stop()));
    const { store, options, owner, onError } = this.#dependencies;
    await store.leave(options.name, owner).catch((error: unknown) => onError(error, `leaving subscription "${options.name}"`));
  }

  async #run(): Promise<void> {
    const { options, onError } = this.#dependencies;
    const { signal } = this.#stopping;
    const tickMs = Math.min(LONGEST_TICK_MS, options.leaseMs / 4);
    while (!signal.aborted) {
      await delay(tickMs * (0.75 + Math.random() / 2), undefined, { signal: AbortSignal.any([signal, this.#nudge.signal]) }).catch(
        () => undefined,
      );
      if (signal.aborted) return;
      if (this.#nudge.signal.aborted) this.#nudge = new AbortController();
      await this.#tick().catch((error: unknown) => onError(error, `the leases of subscription "${options.name}"`));
    }
  }

  async #tick(): Promise<void> {
    const { store, options, owner } = this.#dependencies;
    // From before the call: the store's lease lasts longer than what this process believes.
    const leaseUntilMs = performance.now() + options.leaseMs;
    const { partitions, surplus } = await store.hold(options.name, owner, options.leaseMs);
    const held = new Map(partitions.map((one) => [one.partition, one]));
    const lost = [...this.#readers.values()].filter((reader) => reader.over || held.get(reader.partition)?.epoch !== reader.epoch);
    await Promise.all(lost.map((reader) => this.#end(reader)));
    for (const one of partitions) this.#keep(one, leaseUntilMs);
    if (surplus > 0) await this.#giveBack(partitions.slice(-surplus));
  }

  #keep(held: HeldPartition, leaseUntilMs: number): void {
    const known = this.#readers.get(held.partition);
    if (known === undefined) this.#readers.set(held.partition, new PartitionReader(this.#dependencies, held, leaseUntilMs));
    else known.renewed(held, leaseUntilMs);
  }

  async #giveBack(partitions: readonly HeldPartition[]): Promise<void> {
    const { store, options, owner } = this.#dependencies;
    const readers = partitions.flatMap(({ partition }) => this.#readers.get(partition) ?? []);
    await Promise.all(readers.map((reader) => this.#end(reader)));
    await store.release(
      options.name,
      owner,
      partitions.map(({ partition }) => partition),
    );
  }

  async #end(reader: PartitionReader): Promise<void> {
    this.#readers.delete(reader.partition);
    await reader.stop();
  }
}
