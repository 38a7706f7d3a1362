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

  const nameOf = (statement, params) => {
    const verb = verbOf(statement);
    if (verb === 'commit_transaction') return ['commit', params[2][0], JSON.parse(params[3][0]).step].filter(Boolean).join(' ');
    if (verb === 'insert txn_barrier') {
      const op = params.find((param) => param === 'run' || param === 'compensate');
      return `participant ${op} ${params[params.indexOf(id) + 1]}`;
    }
    const texts = params.map((param) => (typeof param === 'string' ? param : (JSON.stringify(param) ?? '')));
    const subject = subjects.first(texts) ?? texts.find((text) => text.includes(saga))?.slice(0, 60);
    return subject === undefined ? verb : `${verb} ${subject.replaceAll(saga, '<saga>')}`;
  };

  const unitOf = (client, text, params) => {
    const statement = normalised(text);
    const [word] = statement.toUpperCase().split(/[\s;]/, 1);
    if (word === 'BEGIN') {
      open.set(client, { name: undefined, statements: [] });
      return undefined;
    }
    const transaction = open.get(client);
    if (transaction === undefined) return points.sending(nameOf(statement, params), [statement]);
    if (word === 'COMMIT' || word === 'ROLLBACK') {
      open.delete(client);
      return word === 'COMMIT' ? points.sending(transaction.name ?? 'commit of nothing', transaction.statements) : undefined;
    }
    transaction.name ??= nameOf(statement, params);
    transaction.statements.push(statement);
    return undefined;
  };

  const settle = (unit, { rows }) => {
    if (unit.name.startsWith('commit ') && rows[0]?.committed === false) return points.refused(unit);
    if (!/^(move_to_active|\w+_fetch) /.test(unit.name)) return points.applied(unit);
    if (rows.length === 0 && unit.name.startsWith('move_to_active ')) points.refused(unit);
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
