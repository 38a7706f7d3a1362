import { Client } from 'pg';
import { subjectsOf } from './points.mjs';

/** A statement as the server's audit keeps it, so that both can be compared. */
function normalised(text) {
  return text
    .replace(/--[^\n]*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

const MANIPULATION = /\b(insert into|update|delete from)\s+(?:"?\w+"?\.)?"?(\w+)/i;
const FUNCTION = /\b(?:from|select)\s+(?:"?\w+"?\.)?"?(\w+)"?\s*\(/i;

/** The commits of one call, each by its first event: see 0006_group_commit.sql for the arguments. */
function commitsIn([, , counts, types, data]) {
  let at = 0;
  return counts.map((count) => {
    const name = ['commit', types[at], JSON.parse(data[at]).step].filter(Boolean).join(' ');
    at += count;
    return name;
  });
}

/** The jobs of one call; a root with its first operations is one. */
function addsIn(entries, subjects) {
  const names = entries.map((entry) => (entry.addToWaitingChildren ? 'add_flow root' : `add_job ${subjects.ofJob(entry.id)}`));
  return names.includes('add_flow root') ? ['add_flow root'] : names;
}

function verbOf(statement) {
  const [, verb, table] = MANIPULATION.exec(statement) ?? [];
  if (verb !== undefined) return `${verb.split(' ')[0].toLowerCase()} ${table}`;
  return FUNCTION.exec(statement)?.[1] ?? statement.slice(0, 40);
}

/**
 * Watches every statement that any session of this process sends, to a server or to the embedded store; a transaction is one point, its COMMIT.
 *
 * @param {{ points: ReturnType<import('./points.mjs').watchPoints>, id: string, saga: string }} options
 */
export function watchSql({ points, id, saga }) {
  const subjects = subjectsOf(id);
  const open = new WeakMap();

  const namesOf = (statement, params) => {
    const verb = verbOf(statement);
    if (verb === 'commit_transactions') return commitsIn(params);
    if (verb === 'add_flow') return addsIn(JSON.parse(params[0]), subjects);
    if (verb === 'insert txn_barrier') {
      const op = params.find((param) => ['run', 'compensate', 'try', 'confirm', 'cancel'].includes(param));
      return [`participant ${op} ${params[params.indexOf(id) + 1]}`];
    }
    const texts = params.map((param) => (typeof param === 'string' ? param : (JSON.stringify(param) ?? '')));
    const subject = subjects.first(texts) ?? texts.find((text) => text.includes(saga))?.slice(0, 60);
    return [subject === undefined ? verb : `${verb} ${subject.replaceAll(saga, '<saga>')}`];
  };

  const unitOf = (client, text, params) => {
    const statement = normalised(text);
    const [word] = statement.toUpperCase().split(/[\s;]/, 1);
    if (word === 'BEGIN') {
      open.set(client, { names: undefined, statements: [] });
      return undefined;
    }
    const transaction = open.get(client);
    if (transaction === undefined) return points.sending(namesOf(statement, params), [statement]);
    if (word === 'COMMIT' || word === 'ROLLBACK') {
      open.delete(client);
      return word === 'COMMIT' ? points.sending(transaction.names ?? ['commit of nothing'], transaction.statements) : undefined;
    }
    transaction.names ??= namesOf(statement, params);
    transaction.statements.push(statement);
    return undefined;
  };

  const settle = (unit, { rows }) => {
    const [name] = unit.names;
    if (name.startsWith('commit ')) {
      const refused = new Set(rows.filter(({ committed }) => committed === false).map(({ place }) => place));
      points.refused(unit, (place) => refused.has(place + 1));
    }
    if (!/^(move_to_active|\w+_fetch) /.test(name)) return points.applied(unit);
    if (rows.length === 0 && name.startsWith('move_to_active ')) points.refused(unit);
    else
      points.applied(
        unit,
        rows.map(({ id: jobId }) => subjects.ofJob(jobId)),
      );
  };

  const query = Reflect.get(Client.prototype, 'query');
  Client.prototype.query = function (config, values, callback) {
    if (typeof config?.submit === 'function') return query.call(this, config, values, callback);
    const params = Array.isArray(values) ? values : (config.values ?? []);
    const unit = unitOf(this, typeof config === 'string' ? config : config.text, params);
    const answer = [values, callback].find((argument) => typeof argument === 'function');
    if (unit === undefined) return query.call(this, config, values, callback);
    if (answer === undefined) {
      return query.call(this, config, values).then((result) => {
        settle(unit, result);
        return result;
      });
    }
    return query.call(this, config, Array.isArray(values) ? values : undefined, (error, result) => {
      if (!error) settle(unit, result);
      answer(error, result);
    });
  };
}
