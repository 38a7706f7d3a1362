import type { RequestHandler } from 'express';
import { filterQuery } from '../../api/transactions.ts';
import { AmendsError } from '../../../src/errors.ts';
import { pagesOf, type TransactionRow } from '../../../src/operations/filter.ts';
import type { Engine } from '../../../src/producers/engine.ts';
import type { Access } from '../access.ts';
import { filterFrom } from './filter-query.ts';
import { queryOf } from './query.ts';

const MOST_ROWS = 10_000;
const HEADER = ['id', 'saga', 'kind', 'definition_version', 'status', 'version', 'tags', 'error', 'started_at', 'updated_at', 'ended_at'];

/** A spreadsheet takes what begins so for a formula, and carries it out. */
const FORMULA = /^[=+\-@\t\r]/;

function cell(value: string | number): string {
  const text = typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lineOf({
  id,
  saga,
  kind,
  definitionVersion,
  status,
  version,
  tags,
  error,
  startedAtMs,
  updatedAtMs,
  endedAtMs,
}: TransactionRow): string {
  const at = (ms: number | null): string => (ms === null ? '' : new Date(ms).toISOString());
  const told = Object.entries(tags).map(([name, value]) => `${name}=${value}`);
  const cells = [
    id,
    saga,
    kind,
    definitionVersion,
    status,
    version,
    told.join('; '),
    error ?? '',
    at(startedAtMs),
    at(updatedAtMs),
    at(endedAtMs),
  ];
  return `${cells.map(cell).join(',')}\r\n`;
}

/** The list as a file for a spreadsheet, a page at a time as it goes out. */
export function transactionsCsv(engine: Engine, access: Access): RequestHandler {
  return async (request, response) => {
    const query = filterQuery.safeParse(queryOf(request.originalUrl));
    if (!query.success)
      throw new AmendsError('INVALID_OPTION', query.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '));
    response.set('Cache-Control', 'no-store').type('csv').attachment('transactions.csv');
    response.write(`${HEADER.join(',')}\r\n`);
    let rows = 0;
    for await (const page of pagesOf(engine, filterFrom(query.data))) {
      const some = (await access.visible(request, page)).slice(0, MOST_ROWS - rows);
      rows += some.length;
      if (some.length > 0 && !response.write(some.map(lineOf).join(''))) await drained(response);
      if (rows >= MOST_ROWS || response.destroyed) break;
    }
    response.end();
  };
}

function drained(response: Parameters<RequestHandler>[1]): Promise<void> {
  return new Promise((resolve) => {
    response.once('drain', resolve);
    response.once('close', resolve);
  });
}
