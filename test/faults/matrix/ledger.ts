import { Pool } from 'pg';
import { installBarrier, pgExecutor } from '../../../src/barrier/index.ts';
import { createPostgresPlace } from '../../support/postgres-place.ts';
import type { Place } from '../../support/place.ts';

export interface Effect {
  readonly step: string;
  readonly op: 'run' | 'compensate' | 'try' | 'confirm' | 'cancel';
  readonly delta: number;
}

/** The participants' own database: the barrier, and a row for each effect that was committed. */
export class Ledger {
  readonly #place: Place;
  readonly pool: Pool;

  private constructor(place: Place) {
    this.#place = place;
    this.pool = new Pool({ connectionString: place.url, max: 8 });
  }

  static async open(name: string): Promise<Ledger> {
    const ledger = new Ledger(await createPostgresPlace(name));
    await installBarrier(pgExecutor(ledger.pool));
    await ledger.pool.query(
      'CREATE TABLE effects (seq bigserial PRIMARY KEY, gid text NOT NULL, step text NOT NULL, op text NOT NULL, delta integer NOT NULL)',
    );
    return ledger;
  }

  get url(): string {
    return this.#place.url;
  }

  /** The effects of a saga, in order. */
  async effects(id: string): Promise<readonly Effect[]> {
    return (await this.pool.query<Effect>('SELECT step, op, delta FROM effects WHERE gid = $1 ORDER BY seq', [id])).rows;
  }

  async close(options: { readonly keep: boolean }): Promise<void> {
    await this.pool.end();
    await this.#place.end(options);
  }
}
