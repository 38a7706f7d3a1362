import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What the proxy has done so far: by these a test tells that its fault has fired. */
export interface FaultCounts {
  connections: number;
  refused: number;
  cut: number;
  /** Pieces of traffic that were held back by `freeze` and not yet let go. */
  held: number;
  delayed: number;
  droppedReplies: number;
  /** Pieces that were swallowed by `halfOpen`. */
  swallowed: number;
  /** Requests that were cut off before the server had them. */
  cutRequests: number;
}

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  /** Pieces still to be passed on, in order. */
  readonly waiting: { readonly to: Socket; readonly bytes: Buffer }[];
  halfOpen: boolean;
  /** The request that the drop waits for went through here: what comes back is swallowed. */
  asked: boolean;
  lastPass: Promise<void>;
}

/** What is still to be done to requests or their replies, and to which. */
interface Drop {
  left: number;
  readonly to: string | undefined;
}

/** A TCP proxy in front of a server that can do to its connections what networks do. */
export class FaultProxy {
  readonly counts: FaultCounts = {
    connections: 0,
    refused: 0,
    cut: 0,
    held: 0,
    delayed: 0,
    droppedReplies: 0,
    swallowed: 0,
    cutRequests: 0,
  };
  readonly #target: URL;
  readonly #server = createServer((client) => this.#accept(client));
  readonly #links = new Set<Link>();
  #frozen = false;
  #refusing = false;
  #delayMs = 0;
  #drop: Drop | undefined;
  #cutAt: Drop | undefined;

  private constructor(target: URL) {
    this.#target = target;
  }

  /** @param url of the server, as a client would use it */
  static async before(url: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(new URL(url));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  /** The server's URL, by way of the proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.hostname = '127.0.0.1';
    url.port = String((this.#server.address() as AddressInfo).port);
    return url.href;
  }

  /** Whether the asked-for replies have all been dropped. */
  get dropped(): boolean {
    return this.#drop === undefined;
  }

  /** Ends every fault: what was held back goes on its way. Half-open connections stay so, for what they lost is lost. */
  pass(): void {
    this.#frozen = false;
    this.#refusing = false;
    this.#delayMs = 0;
    this.#drop = undefined;
    this.#cutAt = undefined;
    for (const link of this.#links) this.#letGo(link);
  }

  /** Every piece arrives so much later, both ways. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Accepts connections and holds everything back, until `pass`. */
  freeze(): void {
    this.#frozen = true;
  }

  /** Cuts everything, and whoever connects again. */
  refuse(): void {
    this.#refusing = true;
    this.cut();
  }

  /** Cuts the connections there are. */
  cut(): void {
    for (const link of this.#links) this.#cut(link);
  }

  /** Nothing passes through the connections there are now, and nobody is told. New ones work. */
  halfOpen(): void {
    for (const link of this.#links) link.halfOpen = true;
  }

  /** The server carries out what it is asked, but its next replies are lost, and the connection with each. `to`: only replies to requests with this text. */
  dropReplies(count: number, { to }: { readonly to?: string } = {}): void {
    this.#drop = { left: count, to };
    for (const link of this.#links) link.asked = false;
  }

  /** The next requests with this text don't reach the server, and their connections are cut. */
  cutRequests(count: number, { to }: { readonly to: string }): void {
    this.#cutAt = { left: count, to };
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const link of this.#links) this.#cut(link);
    await closed;
  }

  #accept(client: Socket): void {
    if (this.#refusing) {
      this.counts.refused++;
      client.resetAndDestroy();
      return;
    }
    this.counts.connections++;
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    const link: Link = { client, upstream, waiting: [], halfOpen: false, asked: false, lastPass: Promise.resolve() };
    this.#links.add(link);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined); // 'close' follows
      socket.on('close', () => this.#end(link));
    }
    client.on('data', (bytes) => this.#request(link, bytes));
    upstream.on('data', (bytes) => this.#reply(link, bytes));
  }

  #request(link: Link, bytes: Buffer): void {
    const cutAt = this.#cutAt;
    if (cutAt?.to !== undefined && bytes.includes(cutAt.to)) {
      this.counts.cutRequests++;
      if (--cutAt.left === 0) this.#cutAt = undefined;
      this.#cut(link);
      return;
    }
    if (this.#drop?.to !== undefined && bytes.includes(this.#drop.to)) link.asked = true;
    this.#take(link, link.upstream, bytes);
  }

  #reply(link: Link, bytes: Buffer): void {
    const drop = this.#drop;
    if (drop === undefined || this.#frozen || link.halfOpen || (drop.to !== undefined && !link.asked)) {
      this.#take(link, link.client, bytes);
      return;
    }
    this.counts.droppedReplies++;
    if (--drop.left === 0) this.#drop = undefined;
    // The server is let down gently: reset, it would not read what it has been sent.
    this.#links.delete(link);
    link.client.destroy();
    link.upstream.end().resume();
  }

  #take(link: Link, to: Socket, bytes: Buffer): void {
    if (link.halfOpen) {
      this.counts.swallowed++;
      return;
    }
    const due = this.#delayMs > 0 ? delay(this.#delayMs) : undefined;
    if (due !== undefined) this.counts.delayed++;
    // Always behind what is still being delayed.
    link.lastPass = link.lastPass.then(() => due).then(() => this.#pass(link, to, bytes));
  }

  #pass(link: Link, to: Socket, bytes: Buffer): void {
    if (this.#frozen) {
      this.counts.held++;
      link.waiting.push({ to, bytes });
    } else if (!to.destroyed) {
      to.write(bytes);
    }
  }

  #letGo(link: Link): void {
    for (const { to, bytes } of link.waiting.splice(0)) {
      this.counts.held--;
      if (!to.destroyed) to.write(bytes);
    }
  }

  #cut(link: Link): void {
    this.counts.cut++;
    this.#end(link);
  }

  #end(link: Link): void {
    if (this.#links.delete(link)) this.counts.held -= link.waiting.splice(0).length;
    link.client.destroy();
    link.upstream.destroy();
  }
}
