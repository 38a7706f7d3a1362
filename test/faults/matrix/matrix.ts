import { randomBytes } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { engineOf } from '../../../src/amends.ts';
import type { AnyDefinition } from '../../../src/flows/definition.ts';
import { operationJob, rootJob } from '../../../src/queues/advance.ts';
import { openPostgres } from '../../../src/connections/postgres.ts';
import type { StoreKind } from '../../support/stores.ts';
import { auditSql } from './audit.ts';
import { Ledger } from './ledger.ts';
import type { Scenario } from './orders.mjs';
import { connectTo, createCrashPlace, type CrashPlace } from './place.ts';
import { deathsIn, type Recording } from './recording.ts';
import { define, recover, type Left } from './recovery.ts';
import { endOf, judgeOne } from './verdict.ts';
import { runVictim, type Death, type VictimOptions } from './victim.ts';

interface Dead extends Left {
  readonly url: string;
  readonly death: Death;
}

export interface MatrixReport {
  /** How many were to die. */
  readonly chosen: number;
  /** Deaths that really happened, by name: `commit step_issued#1 after`. */
  readonly died: readonly string[];
  readonly problems: readonly string[];
}

/** Sagas that one recovering process has at a time: each has queues of its own, and on PostgreSQL each of those a session. */
const BATCH = 18;
/** Embedded stores that are open at the same time. */
const OPEN_FOLDERS = 3;
/** A point that chance has left out is tried again. */
const TRIES = 4;

async function pooled<T>(items: readonly T[], width: number, work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...items];
  const lane = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: width }, lane));
}

/** The jobs of the steps, as the points of a victim name them. */
function hostsIn({ plan }: AnyDefinition, left: Pick<Left, 'id' | 'saga'>): Readonly<Record<string, string>> {
  const root = rootJob(left).jobId;
  const hosts = plan.stages.flat().map((step) => {
    const { jobId, name } = operationJob(plan, left.id, step, 'run');
    return [step, jobId === root ? 'root' : `run ${plan.kind === 'saga' ? name : step}`];
  });
  return Object.fromEntries(hosts) as Readonly<Record<string, string>>;
}

/** Victims of one store, and what becomes of their sagas. */
export class CrashMatrix {
  readonly #place: CrashPlace;
  readonly #ledger: Ledger;
  readonly #namespace: string;
  readonly #recordings = new Map<Scenario, Promise<Recording>>();
  #victims = 0;

  private constructor(place: CrashPlace, ledger: Ledger, namespace: string) {
    this.#place = place;
    this.#ledger = ledger;
    this.#namespace = namespace;
  }

  static async open(kind: StoreKind): Promise<CrashMatrix> {
    const namespace = `crash_${randomBytes(6).toString('hex')}`;
    const ledger = await Ledger.open(`${namespace}_ledger`);
    return new CrashMatrix(await createCrashPlace(kind, namespace), ledger, namespace);
  }

  async close(options: { readonly keep: boolean }): Promise<void> {
    await this.#ledger.close(options);
    await this.#place.end(options);
  }

  get description(): string {
    return this.#place.description;
  }

  /** One saga without a death, watched from both sides. Kept: asking twice gives the same recording. */
  recording(order: Scenario): Promise<Recording> {
    const known = this.#recordings.get(order);
    if (known !== undefined) return known;
    const recording = this.#record(order);
    this.#recordings.set(order, recording);
    return recording;
  }

  /**
   * One victim for each death, then all that they left carried to its end and judged.
   *
   * @param choose Of all deaths there are; default all.
   */
  async run(order: Scenario, choose: (deaths: readonly Death[]) => readonly Death[] = (deaths) => deaths): Promise<MatrixReport> {
    const recording = await this.recording(order);
    const deaths = choose(deathsIn(recording));
    const died: string[] = [];
    const problems: string[] = [];
    const width = Math.max(2, availableParallelism());
    let recovering = Promise.resolve();
    for (let at = 0; at < deaths.length; at += BATCH) {
      const dead: Dead[] = [];
      await pooled(deaths.slice(at, at + BATCH), width, async (death) => {
        const result = await this.#kill(order, death, recording.end);
        if (typeof result === 'string') problems.push(result);
        else dead.push(result);
      });
      died.push(...dead.map(({ death: { key, side } }) => `${key} ${side}`));
      // The next ones die meanwhile: recovering is mostly waiting, for locks to run out.
      recovering = recovering.then(async () => {
        problems.push(...(await this.#recover(dead)));
      });
    }
    await recovering;
    return { chosen: deaths.length, died, problems };
  }

  async #options(order: Scenario): Promise<VictimOptions> {
    const number = ++this.#victims;
    return {
      store: this.#place.kind,
      url: await this.#place.make(),
      namespace: this.#namespace,
      participants: this.#ledger.url,
      saga: `orders_${number}`,
      id: `crash-${number}`,
      order,
    };
  }

  async #record(order: Scenario): Promise<Recording> {
    const options = await this.#options(order);
    const audit = await this.#place.audit(options.url);
    const participants = await openPostgres(this.#ledger.url, { maxConnections: 1 });
    const endParticipants = await auditSql(participants, ['public']);
    const victim = await runVictim(options);
    const written = [...(await audit.end()), ...(await endParticipants())];
    await participants.end();
    if (victim.units === undefined) throw new Error(`the recorded run ended with ${victim.code ?? victim.signal}: ${victim.stderr}`);
    const amends = await connectTo(options.store, options.url, this.#namespace);
    try {
      const { saga } = define(options, this.#ledger);
      const journaled = await engineOf(amends).journal.read(options.id);
      const state = judgeOne(saga, options.id, journaled, await this.#ledger.effects(options.id));
      return {
        units: victim.units,
        idle: victim.idle ?? [],
        written,
        history: journaled,
        hosts: hostsIn(saga, options),
        end: endOf(state),
      };
    } finally {
      await amends.close();
    }
  }

  /** Gives what the victim left, or why there is none. */
  async #kill(order: Scenario, death: Death, expected: object): Promise<Dead | string> {
    const name = `${order}: ${death.key} ${death.side}`;
    for (let tries = 1; tries <= TRIES; tries++) {
      const options = { ...(await this.#options(order)), death };
      const { code, signal, died, stderr } = await runVictim(options);
      if (signal === 'SIGKILL' && died?.key === death.key && died.side === death.side) return { ...options, expected };
      if (code !== 0) return `${name}: the victim ended with ${code ?? signal} instead\n${stderr}`;
    }
    return `${name}: ${TRIES} victims lived to the end without coming by there`;
  }

  async #recover(dead: readonly Dead[]): Promise<readonly string[]> {
    const problems: string[] = [];
    const byStore = new Map<string, Dead[]>();
    for (const one of dead) byStore.set(one.url, [...(byStore.get(one.url) ?? []), one]);
    await pooled([...byStore], OPEN_FOLDERS, async ([url, all]) => {
      const amends = await connectTo(this.#place.kind, url, this.#namespace);
      try {
        const found = await recover(amends, all, this.#ledger);
        for (const { id, order, death } of all) {
          if (found.has(id)) problems.push(`${order}: ${death.key} ${death.side} (${id}): ${String(found.get(id))}`);
        }
      } finally {
        await amends.close();
      }
    });
    return problems;
  }
}
