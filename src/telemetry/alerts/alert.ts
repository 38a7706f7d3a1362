/** What an alert can be about. */
export const ALERT_RULES = ['stuck', 'overdue', 'noWorker', 'compensationFailing', 'sweeper', 'lag', 'storeLoss'] as const;
export type AlertRule = (typeof ALERT_RULES)[number];

/** Something that somebody should look at, as it is now. */
export interface Finding {
  readonly rule: AlertRule;
  /** What tells it from others of its rule: a transaction, a queue, a subscription. */
  readonly subject: string;
  /** For people. No payloads. */
  readonly text: string;
  readonly saga?: string | undefined;
  readonly step?: string | undefined;
  readonly transaction?: string | undefined;
}

/** What channels get: one for each case when it is seen first, again after an interval while it lasts, and one when it is over. */
export interface Alert extends Finding {
  /** The same for all alerts of one case. */
  readonly caseId: string;
  readonly kind: 'raised' | 'repeated' | 'resolved';
  /** Since when, milliseconds since the epoch. */
  readonly sinceMs: number;
  readonly atMs: number;
  readonly namespace: string;
  /** The console's page that shows it, where `alerts.consoleUrl` says where the console is. */
  readonly url?: string | undefined;
}

/** One line for people. */
export function headlineOf({ kind, rule, text, namespace }: Alert): string {
  const word = kind === 'resolved' ? 'resolved' : kind === 'repeated' ? 'still' : 'alert';
  return `[${namespace}] ${word} (${rule}): ${text}`;
}
