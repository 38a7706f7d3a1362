import type * as z from 'zod';
import type { filterQuery } from '../../api/transactions.ts';
import { AmendsError } from '../../../src/errors.ts';
import type { TransactionFilter } from '../../../src/operations/filter.ts';

/** The filter that a query says. */
export function filterFrom(query: z.output<typeof filterQuery>): TransactionFilter {
  const { status, tag = [], ...rest } = query;
  const tags = new Map<string, string>();
  for (const one of tag) {
    const [name, value] = [one.slice(0, one.indexOf('=')), one.slice(one.indexOf('=') + 1)];
    // A transaction has one value of each: no other could fit.
    if ((tags.get(name) ?? value) !== value)
      throw new AmendsError('INVALID_OPTION', `query.tag: ${JSON.stringify(name)} is given with two values`);
    tags.set(name, value);
  }
  return { ...rest, ...(status === undefined ? {} : { status }), ...(tags.size === 0 ? {} : { tag: Object.fromEntries(tags) }) };
}
