import type { JournaledEvent } from '../journal/journal.ts';
import type { TransactionEvent } from '../machine/event.ts';
import { fold } from '../machine/evolve.ts';
import type { State, Status } from '../machine/state.ts';
import { begun, type OpenState } from '../machine/shape.ts';

/** What a person did. `null` is none. */
export interface AuditRow {
  readonly version: number;
  readonly atMs: number;
  readonly action: string;
  readonly step: string | null;
  readonly by: string;
  readonly reason: string | null;
  readonly before: Status;
  readonly after: Status;
}

type Act = Pick<AuditRow, 'action' | 'by'> & { readonly step?: string | undefined; readonly reason?: string | undefined };

/** The act that an event records; `undefined`: it came of itself. */
function actOf({ type, data }: TransactionEvent): Act | undefined {
  switch (type) {
    case 'retry_requested':
      return { action: 'retry', ...data };
    case 'saga_paused':
      return { action: 'pause', ...data };
    case 'saga_resumed':
      return { action: 'resume', ...data };
    case 'compensation_skipped':
    case 'confirm_skipped':
      return { action: 'skip', ...data };
    case 'compensation_succeeded':
      return data.byHand === undefined ? undefined : { action: 'mark_undone', step: data.step, ...data.byHand };
    case 'saga_terminated':
      return { action: 'terminate', by: data.by, reason: data.reason };
    case 'saga_turned':
    case 'turn_requested':
      return data.turn.kind === 'cancelled' ? { action: 'cancel', by: data.turn.by, reason: data.turn.reason } : undefined;
    case 'signal_received':
      return { action: 'signal', step: data.signal, by: data.by, reason: data.reason };
    case 'verdict_reached':
      return data.by === undefined ? undefined : { action: 'confirm', by: data.by, reason: data.reason };
    default:
      return undefined;
  }
}

/** Whether an event came of the same fact as those before it: it is of the same moment, and not an act of its own but of the same on another step. */
function follows(next: JournaledEvent | undefined, atMs: number, acts: readonly (readonly [JournaledEvent, Act])[]): boolean {
  if (next?.atMs !== atMs) return false;
  const own = actOf(next.event);
  const isSame = ({ action, by, reason }: Act): boolean =>
    (action === 'skip' || action === own?.action) && by === own?.by && reason === own.reason;
  return own === undefined || acts.some(([, act]) => isSame(act));
}

export interface Told {
  readonly audit: readonly AuditRow[];
  /** The status that the transaction got last, and since when. */
  readonly statusSinceMs: number;
}

/** Reads a history once: what people did, from which status to which, and since when it has the one it has. */
export function auditOf(id: string, history: readonly JournaledEvent[]): Told {
  const audit: AuditRow[] = [];
  let state: OpenState | undefined;
  let statusSinceMs = 0;
  // What one commit wrote came of the fact that its first event tells.
  for (let i = 0; i < history.length;) {
    const before: Status | undefined = state?.status;
    const acts: [JournaledEvent, Act][] = [];
    const { atMs } = history[i]!;
    for (let last = false; !last && i < history.length; i++) {
      const one = history[i]!;
      if (state === undefined) state = begun(id, one.event);
      else fold(state, one.event);
      const act = actOf(one.event);
      if (act !== undefined) acts.push([one, act]);
      last = !follows(history[i + 1], atMs, acts);
    }
    const after: State['status'] = state!.status;
    if (after !== before) statusSinceMs = atMs;
    for (const [{ version }, { action, step = null, by, reason = null }] of acts) {
      // An end by an undo that was given up repeats who gave it up.
      if (action === 'terminate' && acts.length > 1) continue;
      audit.push({ version, atMs, action, step, by, reason, before: before ?? after, after });
    }
  }
  return { audit, statusSinceMs };
}
