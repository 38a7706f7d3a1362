import { AmendsError } from '../../errors.ts';
import type { AlertRule, Finding } from './alert.ts';

/** The page of the console on which to begin where no single transaction is meant. */
const PAGES: Readonly<Record<AlertRule, string>> = {
  stuck: 'inbox',
  overdue: 'transactions',
  noWorker: 'services',
  compensationFailing: 'transactions',
  sweeper: 'services',
  lag: 'streams',
  storeLoss: 'transactions',
};

/**
 * Where the console is mounted, with a slash at its end; `undefined` where nobody has said.
 *
 * @throws {AmendsError} INVALID_OPTION
 */
export function resolveConsoleUrl(given: unknown): URL | undefined {
  if (given === undefined) return undefined;
  const url = typeof given === 'string' && URL.canParse(given) ? new URL(given) : undefined;
  const isPlain = url !== undefined && [url.username, url.password, url.search, url.hash].every((part) => part === '');
  if (!isPlain || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    // A password may be in it: not quoted.
    const problem = 'alerts.consoleUrl must be one of http:// or https://, without user, password, query and fragment';
    throw new AmendsError('INVALID_OPTION', `${problem}: give the address that people open the console at`);
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

/** The page that shows what this is about. A transaction that is only one of those concerned (a queue has no worker) is not that. */
export function linkTo(consoleUrl: URL, { rule, subject, transaction }: Pick<Finding, 'rule' | 'subject' | 'transaction'>): string {
  const isOfOne = transaction !== undefined && (subject === transaction || subject.startsWith(`${transaction}/`));
  return consoleUrl.href + (isOfOne ? `transactions/${encodeURIComponent(transaction)}` : PAGES[rule]);
}
