import type { Json } from '../flows/json.ts';
import { loadTransaction, operatorRules, type Engine } from '../producers/engine.ts';
import { happeningOf } from './happening.ts';
import { Redaction } from '../machine/redaction.ts';

/** An event of a transaction, for people's eyes. */
interface HistoryRow {
  readonly version: number;
  readonly atMs: number;
  readonly type: string;
  readonly data: Json;
  /** In a person's words. */
  readonly text: string;
}

export interface HistoryPage {
  readonly events: HistoryRow[];
  readonly version: number;
  readonly nextAfter: number | null;
}

const DEFAULT_LIMIT = 200;

/**
 * The events of a transaction in order, a page at a time; what its plan marks as sensitive is taken out.
 *
 * @throws {AmendsError} TRANSACTION_NOT_FOUND, UNKNOWN_DEFINITION
 */
export async function historyOf(
  engine: Engine,
  id: string,
  { after = 0, limit = DEFAULT_LIMIT }: { readonly after?: number | undefined; readonly limit?: number | undefined } = {},
): Promise<HistoryPage> {
  const state = await loadTransaction(engine, id);
  const { plan } = await operatorRules(engine, state);
  const redaction = new Redaction(plan, state);
  const news = await engine.journal.read(id, after);
  const page = news.slice(0, limit);
  const events = page.map(({ version, atMs, event }) => {
    const clean = redaction.event(event);
    return {
      version,
      atMs,
      type: event.type,
      data: clean.data as Json,
      text: redaction.text(happeningOf({ event, atMs }, plan.kind).text),
    };
  });
  const last = page.at(-1)?.version;
  return {
    events,
    version: Math.max(state.version, news.at(-1)?.version ?? 0),
    nextAfter: page.length < news.length && last !== undefined ? last : null,
  };
}
