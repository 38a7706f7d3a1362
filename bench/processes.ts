import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { run, works } from '../scripts/servers/process.mjs';
import type { BenchOptions } from './options.ts';
import type { Place } from './place.ts';
import { sample, SIDES, type Sample, type Samples, type Side } from './sample.ts';
import { median, rounded } from './statistics.ts';

/** Throughput with all processes to that with one. `null`: not measured. */
export interface ProcessRatios {
  /** The one has all of these cores too. */
  readonly processesRatio: number | null;
  readonly yardstickProcessesRatio: number | null;
  /** The one has one core, as each of the others brings one: what a machine, or a container, twice as large carries. */
  readonly coresRatio: number | null;
  readonly yardstickCoresRatio: number | null;
}

interface ProcessReport {
  /** With all processes. */
  readonly throughput: Samples;
  readonly ratios: ProcessRatios;
  readonly lines: readonly string[];
}

/** How many processes share how many cores with the store. `cores`: default all. */
interface Setup {
  readonly processes: number;
  readonly cores?: string;
}

function firstCores(count: number): string {
  return count === 1 ? '0' : `0-${count - 1}`;
}

async function setups(processes: number): Promise<readonly Setup[]> {
  if (availableParallelism() < processes || !(await works('taskset', ['--version']))) return [{ processes }, { processes: 1 }];
  const cores = firstCores(processes);
  return [
    { processes, cores },
    { processes: 1, cores },
    { processes: 1, cores: firstCores(1) },
  ];
}

async function pin(place: Place, cores: string): Promise<void> {
  for (const pid of await place.pids()) {
    try {
      await run('taskset', ['-acp', cores, String(pid)]);
    } catch (error) {
      // A backend that has ended meanwhile is no error: those that begin from now on are where their process is.
      if (existsSync(`/proc/${pid}`)) throw error;
    }
  }
}

/** Each side with one process and with as many as asked for, in turn: how much the others add. */
export async function benchProcesses(place: Place, options: BenchOptions): Promise<ProcessReport> {
  const { processes, transactions, rounds } = options;
  const all = await setups(processes);
  const samples = all.map((): Record<Side, Sample[]> => ({ yardstick: [], amends: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const contender of round % 2 === 0 ? SIDES : [...SIDES].reverse()) {
      for (const [at, setup] of round % 2 === 0 ? [...all.entries()] : [...all.entries()].reverse()) {
        const { cores } = setup;
        if (cores !== undefined) await pin(place, cores);
        const order = { contender, measures: ['throughput'], transactions, processes: setup.processes } as const;
        samples[at]![contender].push((await sample(place, order, options, { cores }))[0]!);
      }
    }
  }
  const [many, one, oneOnOne] = samples;
  const ratio = (side: Side, to: Samples | undefined): number | null =>
    to === undefined ? null : rounded(median(many![side].map(({ value }, round) => value / to[side][round]!.value)));
  const ratios = {
    processesRatio: ratio('amends', one),
    yardstickProcessesRatio: ratio('yardstick', one),
    coresRatio: ratio('amends', oneOnOne),
    yardstickCoresRatio: ratio('yardstick', oneOnOne),
  };
  const told = (what: string, yardstick: number | null, amends: number | null): string =>
    yardstick === null || amends === null
      ? `${what}: not measured, which takes taskset (of util-linux) and ${processes} cores`
      : `${what}: yardstick ${yardstick}, Amends ${amends}`;
  return {
    throughput: many!,
    ratios,
    lines: [
      told(`${processes} processes to one on the same cores`, ratios.yardstickProcessesRatio, ratios.processesRatio),
      told(`${processes} processes on ${processes} cores to one on one core`, ratios.yardstickCoresRatio, ratios.coresRatio),
    ],
  };
}
