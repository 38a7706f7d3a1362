import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { subjectsOf } from './points.mjs';

/** Commands that wait for a job: what they take away is only the sign that there is one. */
const BLOCKING = /^b(z?pop|lmove|rpoplpush|lpop|rpop)/;
const TRANSACTION = new Set(['multi', 'exec', 'discard']);

const textOf = (value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value));

/** The script that a connection knows by this hash: BullMQ's names end with its version. */
function scriptOf(redis, sha) {
  const [name = 'script'] = Object.entries(redis.scriptsSet).find(([, script]) => script.sha === sha) ?? [];
  return name.replace(/:\d.*$/, '');
}

/** The commits of one call, each by its first event: see batch.lua and commit.lua for the arguments. */
function commitsIn([calls, ...texts]) {
  let at = 0;
  return JSON.parse(calls).map(([events, , , , , , type]) => {
    const { step } = JSON.parse(texts[at]);
    at += events;
    return ['commit', type, step].filter(Boolean).join(' ');
  });
}

/** Of the answers to a call's commits: one that lost its race is told what it had not seen. */
function isRefused(answer) {
  return Array.isArray(answer);
}

/** What the server's monitor shows of it: the script's hash, or the command, and the first key. */
function statementOf(name, args) {
  if (name === 'eval') return `${createHash('sha1').update(args[0], 'latin1').digest('hex')} ${args[2]}`;
  return name === 'evalsha' ? `${args[0]} ${args[2]}` : `${name} ${args[0]}`;
}

/**
 * Watches every command that any connection of this process sends.
 *
 * @param {{ points: ReturnType<import('./points.mjs').watchPoints>, id: string, saga: string }} options
 */
export function watchRedis({ points, id, saga }) {
  const subjects = subjectsOf(id);
  const known = new WeakSet();
  const open = new WeakMap();

  const namesOf = (redis, command, args) => {
    const script = command.startsWith('eval') ? scriptOf(redis, args[0]) : undefined;
    if (script === 'amends:commit') return commitsIn(args.slice(3));
    const key = (script === undefined ? args[0] : args[2]) ?? '';
    // Each connection has a canary of its own, under a name that is made up.
    const named = key.replaceAll(saga, '<saga>').replace(/:canary:.*/, ':canary');
    return [`${script ?? command} ${subjects.first(args) ?? named}`];
  };

  /** A reply of moveToActive or moveToFinished that brings a job: its data and its id. */
  const jobsIn = (reply) => (Array.isArray(reply) && reply[0] && reply[1] ? [subjects.ofJob(textOf(reply[1]))] : []);

  const settle = (unit, reply) => {
    const [name] = unit.names;
    if (name.startsWith('commit ')) points.refused(unit, (place) => isRefused(reply[place]));
    if (!/^moveTo(Active|Finished) /.test(name)) return points.applied(unit);
    const jobs = jobsIn(reply);
    if (jobs.length === 0 && name.startsWith('moveToActive ')) points.refused(unit);
    else points.applied(unit, jobs);
  };

  const follow = (command, unit) => {
    const resolve = command.resolve;
    command.resolve = (reply) => {
      settle(unit, reply);
      return resolve.call(command, reply);
    };
  };

  const send = Reflect.get(Redis.prototype, 'sendCommand');
  Redis.prototype.sendCommand = function (command, stream) {
    const name = command.name.toLowerCase();
    // One that waited for the connection comes by again.
    if (known.has(command) || BLOCKING.test(name)) return send.call(this, command, stream);
    known.add(command);
    const args = command.args.flat().map(textOf);
    if (name === 'multi') {
      open.set(this, { names: [], statements: [] });
    } else if (open.has(this)) {
      const { names, statements } = open.get(this);
      if (TRANSACTION.has(name)) {
        open.delete(this);
        if (name === 'exec') follow(command, points.sending([`multi(${names.join(', ')})`], statements));
      } else {
        names.push(...namesOf(this, name, args));
        statements.push(statementOf(name, args));
      }
    } else {
      follow(command, points.sending(namesOf(this, name, args), [statementOf(name, args)]));
    }
    return send.call(this, command, stream);
  };
}
