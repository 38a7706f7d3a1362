// The persistence points of one process: every request that may change a store, before it is sent, and when its answer has come in but nobody
// has seen it. Here the victim of the crash matrix dies.
import { writeSync } from 'node:fs';

/**
 * One request to a store; a transaction is one.
 *
 * @typedef {object} Unit
 * @property {string[]} names what it does; one request may carry several commits, or add several jobs
 * @property {string[]} keys each name, and which one of that name it is: `commit step_succeeded charge_card#1`
 * @property {string[]} statements what the server saw of it, to compare with what the server says
 * @property {string[]} took the keys of the jobs that came with the answer
 */

/** @param {{ key: string, side: 'before' | 'after' } | undefined} death */
export function watchPoints(death) {
  const counts = new Map();
  /** @type {Unit[]} */
  const units = [];
  /** @type {Unit[]} */
  const idle = [];
  const numbered = (name) => {
    counts.set(name, (counts.get(name) ?? 0) + 1);
    return `${name}#${counts.get(name)}`;
  };
  const reach = (key, side) => {
    if (death?.key !== key || death.side !== side) return;
    writeSync(1, `${JSON.stringify({ died: death })}\n`);
    process.kill(process.pid, 'SIGKILL');
    for (;;); // nothing more happens here, however long the signal takes
  };
  return {
    units,
    idle,
    /** Call it at the moment at which the request would be sent. */
    sending(names, statements) {
      const unit = { names, keys: names.map(numbered), statements, took: [] };
      units.push(unit);
      for (const key of unit.keys) reach(key, 'before');
      return unit;
    },
    /**
     * Some of it, or all, changed nothing: a commit that lost its race, a worker that found no job. How many of those there are is chance: they
     * don't count.
     */
    refused(unit, isRefused = () => true) {
      const [refused, done] = [isRefused, (place) => !isRefused(place)].map((which) => unit.names.filter((_, place) => which(place)));
      for (const name of refused) counts.set(name, counts.get(name) - 1);
      unit.keys = unit.keys.filter((_, place) => !isRefused(place));
      unit.names = done;
      if (done.length === 0) idle.push(...units.splice(units.indexOf(unit), 1));
    },
    /** Call it with the jobs that came along, before anybody else sees the answer. */
    applied(unit, jobs = []) {
      for (const job of jobs) {
        const key = numbered(`take ${job}`);
        unit.took.push(key);
        reach(key, 'after');
      }
      for (const key of unit.keys) reach(key, 'after');
    },
  };
}

/** Finds what a request is about: names of jobs in its arguments, as `run charge_card`, `compensate charge_card` or `root`. */
export function subjectsOf(id) {
  const operation = new RegExp(`(run|compensate|confirm)\\.${id}\\.([a-z_]+)`);
  return {
    first(texts) {
      const all = texts.join(' ');
      const [, op, step] = operation.exec(all) ?? [];
      return op === undefined ? (all.includes(`root.${id}`) ? 'root' : undefined) : `${op} ${step}`;
    },
    ofJob(jobId) {
      return this.first([jobId]) ?? jobId;
    },
  };
}
