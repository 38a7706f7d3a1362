import { connect as connectPlain, isIP } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis';

/** Where a node of a cluster listens. */
export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

interface SlotRange {
  readonly from: number;
  readonly to: number;
  readonly master: NodeAddress;
}

/** A node that does not answer sooner is passed over. */
const LOOKUP_TIMEOUT_MS = 1_000;
/** Connections that break together look once. */
const FRESH_MS = 200;

type SlotsReply = readonly (readonly [from: number, to: number, master: readonly [host: string | null, port: number], ...unknown[]])[];

function keyOf({ host, port }: NodeAddress): string {
  return `${host}:${port}`;
}

/** Names a node for people. */
export function nodeName({ host, port }: NodeAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * The nodes of a Redis Cluster, and which master has which slot. A hash tag is one slot, and everything of a shard has one hash tag: so a shard
 * needs a connection to one master only, and what is said of plain connections (how they wait, fail, come back and close) holds for it.
 */
export class ClusterNodes {
  /** How to reach a node: login and TLS of the address that was given. */
  readonly #options: RedisOptions;
  readonly #seed: NodeAddress;
  #ranges: readonly SlotRange[] = [];
  #nodes: readonly NodeAddress[];
  #lookedAtMs = -Infinity;
  #looking: Promise<void> | undefined;

  constructor(seed: NodeAddress, options: RedisOptions) {
    this.#seed = seed;
    this.#nodes = [seed];
    this.#options = options;
  }

  /** The masters, in the order of their slots. */
  async masters(): Promise<readonly NodeAddress[]> {
    await this.#look();
    return [...new Map(this.#ranges.map(({ master }) => [keyOf(master), master])).values()];
  }

  /** The master of a slot as far as is known: the last one when nobody answers, for whoever connects tries again. */
  async masterOf(slot: number): Promise<NodeAddress> {
    await this.#look();
    return this.#ranges.find(({ from, to }) => from <= slot && slot <= to)?.master ?? this.#seed;
  }

  /** A connection to one node, for a question to it. */
  connectionTo(node: NodeAddress, timeoutMs: number = LOOKUP_TIMEOUT_MS): Redis {
    const { host, port } = node;
    const redis = new Redis({
      ...this.#options,
      ...nodeTls(this.#options, this.#seed, node),
      replyMapping: 'legacy',
      host,
      port,
      lazyConnect: true,
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      maxRetriesPerRequest: 0,
      retryStrategy: () => null,
      // It may be asked while it loads its data.
      enableReadyCheck: false,
    });
    redis.on('error', () => undefined); // the command says it
    return redis;
  }

  /** What goes with the connections to the master of a slot. They follow it: after a failover, and when the slot has moved. */
  following(slot: number): Pick<RedisOptions, 'Connector' | 'reconnectOnError'> {
    const masterOf = (): Promise<NodeAddress> => this.masterOf(slot);
    const seed = this.#seed;
    class SlotConnector extends AbstractConnector {
      readonly #options: RedisOptions;
      #ended: AbstractConnector['stream'] | undefined;

      constructor(options: unknown) {
        super((options as RedisOptions).disconnectTimeout ?? 2_000);
        this.#options = options as RedisOptions;
      }

      async connect(): Promise<AbstractConnector['stream']> {
        this.connecting = true;
        const { host, port } = await masterOf();
        // The connection was closed meanwhile. (ioredis ends for good when a connector rejects: so only then.)
        if (!this.connecting) throw new Error('Connection is closed.');
        const { tls } = nodeTls(this.#options, seed, { host, port });
        this.stream = tls === undefined ? connectPlain({ host, port }) : connectTls({ ...tls, host, port });
        this.stream.once('error', (error: Error) => {
          this.firstError = error;
        });
        return this.stream;
      }

      /** Once for each socket: of many commands that fail together each asks for it. */
      override disconnect(): void {
        this.connecting = false; // also while the master of a new socket is looked for
        if (this.stream !== undefined && this.stream === this.#ended) return;
        this.#ended = this.stream;
        super.disconnect();
      }
    }
    return {
      Connector: SlotConnector,
      reconnectOnError({ message }) {
        // It was not carried out there: sent again to the master that is found next.
        if (message.startsWith('MOVED ')) return 2;
        // A replica, or a master that has lost the others: rejected, or it would go round for ever.
        return message.includes('READONLY') || message.startsWith('CLUSTERDOWN');
      },
    };
  }

  #look(): Promise<void> {
    if (performance.now() - this.#lookedAtMs < FRESH_MS) return Promise.resolve();
    this.#looking ??= this.#ask().finally(() => {
      this.#lookedAtMs = performance.now();
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Asks one node after the other, at random: one that is cut off from the others has an old answer. The seed last, as it may be a name for many. */
  async #ask(): Promise<void> {
    const others = this.#nodes.filter((node) => keyOf(node) !== keyOf(this.#seed)).sort(() => Math.random() - 0.5);
    for (const node of [...others, this.#seed]) {
      const redis = this.connectionTo(node);
      try {
        await redis.connect();
        this.#take((await redis.cluster('SLOTS')) as unknown as SlotsReply, node);
        return;
      } catch {
        // the next one
      } finally {
        redis.disconnect();
      }
    }
  }

  #take(reply: SlotsReply, asked: NodeAddress): void {
    if (reply.length === 0) return; // it has just been started, or left the cluster
    // Without a name of its own a node is where it was asked.
    const addressOf = ([host, port]: readonly [string | null, number]): NodeAddress => ({
      host: host === null || host === '' ? asked.host : host,
      port,
    });
    this.#ranges = reply.map(([from, to, master]) => ({ from, to, master: addressOf(master) }));
    const nodes = reply.flatMap(([, , ...some]) => (some as (readonly [string | null, number])[]).map(addressOf));
    this.#nodes = [...new Map(nodes.map((node) => [keyOf(node), node])).values()];
  }
}

/** TLS to a node: a certificate is for a name, so a node that is known by its IP address only is to show that of the address that was given. */
function nodeTls({ tls }: RedisOptions, seed: NodeAddress, { host }: NodeAddress): { readonly tls?: ConnectionOptions } {
  if (tls === undefined) return {};
  const given: ConnectionOptions = typeof tls === 'object' ? tls : {};
  const name = isIP(host) === 0 ? host : seed.host;
  return { tls: isIP(name) === 0 ? { servername: name, ...given } : given };
}
