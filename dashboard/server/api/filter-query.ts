import type * as z from 'zod';
import type { filterQuery } from '../../api/transactions.ts';
import type { TransactionFilter } from '../../../src/operations/filter.ts';

/** The filter that a query says. */
export function filterFrom(query: z.output<typeof filterQuery>): TransactionFilter {
  const { status, tag = [], ...rest } = query;
  const tags = tag.map((one): [string, string] => [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)]);
  return { ...rest, ...(status === undefined ? {} : { status }), ...(tags.length === 0 ? {} : { tag: Object.fromEntries(tags) }) };
}
