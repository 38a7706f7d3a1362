/** A stretch of time in which something ran. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** A stretch in which nothing ran, drawn shorter than it was. */
interface Break extends Span {
  /** Where it is drawn, 0 to 1. */
  readonly from: number;
  readonly to: number;
}

export interface Scale {
  /** Where a time is drawn, 0 to 1. */
  readonly at: (ms: number) => number;
  readonly breaks: readonly Break[];
  readonly fromMs: number;
  readonly toMs: number;
  /** How much time the whole width stands for, pauses as they are drawn. */
  readonly drawnMs: number;
}

/** A pause takes part in the drawing up to this share of all that was busy. */
const LONGEST_PAUSE = 0.12;
/** All pauses together take no more of the width. */
const PAUSES_MOST = 0.45;

function merged(spans: readonly Span[]): Span[] {
  const result: { fromMs: number; toMs: number }[] = [];
  for (const { fromMs, toMs } of [...spans].sort((a, b) => a.fromMs - b.fromMs)) {
    const last = result.at(-1);
    if (last === undefined || fromMs > last.toMs) result.push({ fromMs, toMs: Math.max(fromMs, toMs) });
    else last.toMs = Math.max(last.toMs, toMs);
  }
  return result;
}

/**
 * Time from left to right, with long pauses drawn short: a step of 20 ms that was repaired after a night must still be seen. Inside of busy time, and
 * inside of a pause, lengths compare.
 */
export function scaleOf(spans: readonly Span[]): Scale {
  const busy = merged(spans);
  const fromMs = busy[0]?.fromMs ?? 0;
  const toMs = Math.max(busy.at(-1)?.toMs ?? 1, fromMs + 1);
  const busyMs = Math.max(
    1,
    busy.reduce((sum, span) => sum + span.toMs - span.fromMs, 0),
  );
  const pauses = busy.slice(1).map((span, at): Span => ({ fromMs: busy[at]!.toMs, toMs: span.fromMs }));
  const most = busyMs * LONGEST_PAUSE;
  const isCut = ({ fromMs, toMs }: Span): boolean => toMs - fromMs > most;
  const drawnPauses = pauses.map((pause) => (isCut(pause) ? most : pause.toMs - pause.fromMs));
  const pausesMs = drawnPauses.reduce((sum, ms) => sum + ms, 0);
  const shrink = Math.min(1, (busyMs * (PAUSES_MOST / (1 - PAUSES_MOST))) / Math.max(pausesMs, 1));
  const total = busyMs + pausesMs * shrink;

  // Points where the speed of drawing changes.
  const points: { readonly ms: number; readonly at: number }[] = [{ ms: fromMs, at: 0 }];
  const breaks: Break[] = [];
  let drawn = 0;
  busy.forEach((span, index) => {
    drawn += span.toMs - span.fromMs;
    points.push({ ms: span.toMs, at: drawn / total });
    const pause = pauses[index];
    if (pause === undefined) return;
    const before = drawn / total;
    drawn += drawnPauses[index]! * shrink;
    points.push({ ms: pause.toMs, at: drawn / total });
    if (isCut(pause)) breaks.push({ ...pause, from: before, to: drawn / total });
  });

  const at = (ms: number): number => {
    if (ms <= fromMs) return 0;
    let [low, high] = [0, points.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (points[middle]!.ms < ms) low = middle + 1;
      else high = middle;
    }
    const [before, after] = [points[low - 1], points[low]!];
    if (before === undefined || ms >= after.ms || after.ms === before.ms) return Math.min(1, after.at);
    return before.at + ((ms - before.ms) / (after.ms - before.ms)) * (after.at - before.at);
  };
  return { at, breaks, fromMs, toMs, drawnMs: total };
}

const DAY_MS = 86_400_000;
const MOST_TICKS = 2_000;
const NICE_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000, 1_800_000, 3_600_000, 21_600_000,
  86_400_000,
];

/** Times to write at the axis, milliseconds since its start: round ones, never two close to one another (`apart`: 0 to 1). */
export function ticksOf(scale: Scale, apart: number): readonly number[] {
  const length = scale.toMs - scale.fromMs;
  const fewest = scale.drawnMs * apart;
  const stepMs =
    NICE_MS.find((ms) => ms >= fewest && length / ms <= MOST_TICKS) ?? Math.ceil(Math.max(fewest, length / MOST_TICKS) / DAY_MS) * DAY_MS;
  const ticks: number[] = [0];
  let last = 0;
  for (let ms = stepMs; ms <= length; ms += stepMs) {
    const at = scale.at(scale.fromMs + ms);
    const inBreak = scale.breaks.some(({ from, to }) => at > from && at < to);
    if (inBreak || at - last < apart || at > 1 - apart / 2) continue;
    ticks.push(ms);
    last = at;
  }
  return ticks;
}
