import type { MeterProvider } from '@opentelemetry/api';
import { Instruments, type StoreSnapshot } from './instruments.ts';

type Api = typeof import('@opentelemetry/api');

/** What gives meters: a `MeterProvider` of OpenTelemetry is one. */
export interface MeterSource {
  getMeter(name: string, version?: string): unknown;
}

/** Where measurements go: to whatever the application registers, and to those who are attached, such as `/metrics`. */
export class Metrics {
  readonly #api: Api | undefined;
  readonly #given: MeterSource | undefined;
  #provider: unknown;
  #registered: Instruments | undefined;
  readonly #attached = new Set<Instruments>();
  #all: readonly Instruments[] = [];
  #snapshot: (() => Promise<StoreSnapshot | undefined>) | undefined;

  private constructor(api: Api | undefined, given: MeterSource | undefined) {
    this.#api = api;
    this.#given = given;
  }

  /** @param source `undefined`: what the application registers; `false`: none, but for who attaches */
  static async open(source: MeterSource | false | undefined): Promise<Metrics> {
    if (source === false) return new Metrics(undefined, undefined);
    return new Metrics(await import('@opentelemetry/api').catch(() => undefined), source);
  }

  /** What each collection shows of the store as a whole. */
  observe(snapshot: () => Promise<StoreSnapshot | undefined>): void {
    this.#snapshot = snapshot;
    // Those that are there already see it from their next collection on.
  }

  /** Sends measurements to another provider as well; the result ends that. */
  attach(source: MeterSource): () => void {
    const instruments = this.#made(source);
    this.#attached.add(instruments);
    this.#collect();
    return () => {
      instruments.end();
      this.#attached.delete(instruments);
      this.#collect();
    };
  }

  /** Those to measure with. Empty, at the cost of a look, where nobody wants to know. */
  get instruments(): readonly Instruments[] {
    const provider = this.#api === undefined ? this.#given : (this.#given ?? this.#api.metrics.getMeterProvider());
    if (provider !== this.#provider) {
      this.#provider = provider;
      this.#registered?.end();
      this.#registered = provider === undefined || this.#isNoop(provider) ? undefined : this.#made(provider);
      this.#collect();
    }
    return this.#all;
  }

  end(): void {
    for (const instruments of this.#all) instruments.end();
    this.#all = [];
    this.#attached.clear();
  }

  /** The API's own provider gives meters that measure nothing. */
  #isNoop(provider: MeterSource): boolean {
    const noop = this.#api?.createNoopMeter();
    return noop !== undefined && (provider as MeterProvider).getMeter('amends') === noop;
  }

  #made(source: MeterSource): Instruments {
    return new Instruments((source as MeterProvider).getMeter('amends'), () => this.#snapshot?.() ?? Promise.resolve(undefined));
  }

  #collect(): void {
    this.#all = [...(this.#registered === undefined ? [] : [this.#registered]), ...this.#attached];
  }
}
