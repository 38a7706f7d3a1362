import type { JournaledEvent } from '../journal/journal.ts';
import { evolveAll } from '../machine/evolve.ts';
import { isHeld, isTerminal, type State } from '../machine/state.ts';
import { duration, offset, timestamp } from '../operations/duration.ts';
import { happeningOf } from '../operations/happening.ts';
import { turnText, type Happening } from '../operations/happening-text.ts';
import { statusLabel, unpainted, type Paint } from './paint.ts';
import { printable } from '../operations/printable.ts';

export interface TimelineInput {
  readonly id: string;
  /** All its events, in order. */
  readonly history: readonly JournaledEvent[];
  /** Steps whose effects stand although it turned back. */
  readonly notCompensated: readonly string[];
  /** Now, by the store's clock: tells how long an unfinished one has been running. */
  readonly nowMs: number;
  /** Completes a command of ours with the options that lead to the same store. */
  readonly hint?: (command: string) => string;
  readonly paint?: Paint;
}

interface Line {
  readonly at: string;
  readonly happening: Happening;
}

function header(state: State, startedAtMs: number, endedAtMs: number | undefined, nowMs: number, paint: Paint): string[] {
  const rows: [string, string][] = [
    [state.kind ?? 'saga', `${printable(state.saga)} version ${state.definitionVersion}`],
    ['status', statusLabel(state.status, paint)],
    ['started', timestamp(startedAtMs)],
    endedAtMs === undefined ? ['running for', duration(nowMs - startedAtMs)] : ['took', duration(endedAtMs - startedAtMs)],
  ];
  const tags = Object.entries(state.tags).map(([name, value]) => `${printable(name)}=${printable(value)}`);
  if (tags.length > 0) rows.push(['tags', tags.join('  ')]);
  if (state.verdict !== undefined) rows.push(['verdict', state.verdict]);
  if (state.turn !== undefined)
    rows.push(state.kind === 'tcc' ? ['verdict', `cancel: ${turnText(state.turn)}`] : ['turned back', turnText(state.turn)]);
  const width = Math.max(...rows.map(([name]) => name.length));
  return [paint('strong', printable(state.id)), ...rows.map(([name, value]) => `  ${paint('quiet', name.padEnd(width))}  ${value}`)];
}

const UNDO_RULE = '── undo, last step first ──';
const CANCEL_RULE = '── cancel ──';

/** One line for each event; what belongs to the undo stands behind a bar, below a rule. */
function body(lines: readonly Line[], rule: string, paint: Paint): string[] {
  const atWidth = Math.max(...lines.map(({ at }) => at.length));
  const stepWidth = Math.max(0, ...lines.map(({ happening: { step } }) => (step === undefined ? 0 : printable(step).length)));
  let undoing = false;
  return lines.flatMap(({ at, happening: { lane, mark, tone, step, text } }) => {
    const name = step === undefined ? '' : `${printable(step).padEnd(stepWidth)}  `;
    const line = `  ${paint('quiet', at.padStart(atWidth))}  ${lane === 'undo' ? paint('undo', '│ ') : ''}${paint(tone, `${mark} ${name}${text}`)}`;
    const opens = lane === 'undo' && !undoing;
    undoing ||= opens;
    return opens ? [`  ${' '.repeat(atWidth)}  ${paint('undo', rule)}`, line] : [line];
  });
}

/** What a person can do now. */
function footer(state: State, notCompensated: readonly string[], hint: (command: string) => string): string[] {
  const lines: string[] = [];
  const left = state.kind !== 'tcc' ? 'undone' : state.verdict === 'confirm' ? 'confirmed' : 'cancelled';
  if (notCompensated.length > 0) lines.push(`Not ${left}: ${notCompensated.map(printable).join(', ')}`);
  if (state.status === 'stuck') {
    lines.push('It waits for a person. Mend the cause, then run:', `  ${hint(`amends retry ${printable(state.id)}`)}`);
  } else if (!isTerminal(state) && state.verdict !== undefined) {
    lines.push('It has its verdict: it is being confirmed and goes on by itself.');
  } else if (isHeld(state)) {
    lines.push(`It holds everything and waits for its verdict. To cancel it: ${hint(`amends cancel ${printable(state.id)}`)}`);
  } else if (!isTerminal(state) && state.direction === 'forward' && state.kind === 'tcc') {
    lines.push(`It goes on by itself. To cancel it: ${hint(`amends cancel ${printable(state.id)}`)}`);
  } else if (!isTerminal(state) && state.direction === 'forward') {
    lines.push(`It goes on by itself. To turn it back: ${hint(`amends cancel ${printable(state.id)}`)}`);
  } else if (!isTerminal(state)) {
    lines.push(`It is being ${state.kind === 'tcc' ? 'cancelled' : 'undone'} and goes on by itself.`);
  }
  return lines.length === 0 ? [] : ['', ...lines];
}

const ENDS: ReadonlySet<string> = new Set(['saga_completed', 'saga_compensated', 'tcc_confirmed', 'tcc_cancelled', 'saga_terminated']);

/** When it ended: a late answer may be recorded after that. */
function endOf(history: readonly JournaledEvent[]): number | undefined {
  return history.find(({ event: { type } }) => ENDS.has(type))?.atMs;
}

/**
 * A transaction as a text that a person can read: what it is, one line for each thing that happened, and what to do next.
 * Pure; whatever came from outside is escaped.
 */
export function renderTimeline(input: TimelineInput): string {
  const { id, history, notCompensated, nowMs, hint = (command: string) => command, paint = unpainted } = input;
  const events = history.map(({ event }) => event);
  const state = evolveAll(undefined, id, events);
  const startedAtMs = history[0]?.atMs;
  if (state === undefined || startedAtMs === undefined) return `${printable(id)} has no events`;
  const lines = history.map((journaled) => ({
    at: `+${offset(journaled.atMs - startedAtMs)}`,
    happening: happeningOf(journaled, state.kind),
  }));
  return [
    ...header(state, startedAtMs, endOf(history), nowMs, paint),
    '',
    ...body(lines, state.kind === 'tcc' ? CANCEL_RULE : UNDO_RULE, paint),
    ...footer(state, notCompensated, hint),
  ].join('\n');
}
