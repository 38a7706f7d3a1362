import type { JSX } from 'preact';
import { useNow } from '../browser/clock.ts';

const UNITS: readonly (readonly [ms: number, short: string])[] = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
];

/** `1.24 s`, `3 min 5 s`, `2 d 4 h`: two units at most. */
export function durationText(ms: number): string {
  const whole = Math.max(0, ms);
  if (whole < 1_000) return `${Math.round(whole)} ms`;
  if (whole < 10_000) return `${(whole / 1_000).toFixed(2).replace(/\.?0+$/, '')} s`;
  const at = UNITS.findIndex(([unit]) => whole >= unit);
  const [unit, name] = UNITS[at]!;
  const [below, belowName] = UNITS[at + 1] ?? [0, ''];
  const rest = below === 0 ? 0 : Math.floor((whole % unit) / below);
  return `${Math.floor(whole / unit)} ${name}${rest === 0 ? '' : ` ${rest} ${belowName}`}`;
}

/** One unit: what a list has room for. */
export function ageText(ms: number): string {
  const [unit, name] = UNITS.find(([unit]) => ms >= unit) ?? [1_000, 's'];
  return `${Math.max(0, Math.floor(ms / unit))} ${name}`;
}

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const EXACT = new Intl.DateTimeFormat(undefined, {
  dateStyle: 'medium',
  timeStyle: 'medium',
  hourCycle: 'h23',
});

function isToday(ms: number): boolean {
  return new Date(ms).toDateString() === new Date().toDateString();
}

export function clockText(ms: number): string {
  return isToday(ms) ? CLOCK.format(ms) : `${DAY.format(ms)}, ${CLOCK.format(ms)}`;
}

/** A point in time: today by the clock, else with its day. The title says it exactly. */
export function At({ ms }: { readonly ms: number }): JSX.Element {
  return (
    <time class="at" dateTime={new Date(ms).toISOString()} title={EXACT.format(ms)}>
      {clockText(ms)}
    </time>
  );
}

/** How long ago, going on while it is looked at. */
export function Ago({ ms }: { readonly ms: number }): JSX.Element {
  const now = useNow(1_000);
  return (
    <time class="at" dateTime={new Date(ms).toISOString()} title={EXACT.format(ms)}>
      {now - ms < 1_000 ? 'now' : `${ageText(now - ms)} ago`}
    </time>
  );
}

/** How long until then; in words when it has passed. */
export function Until({ ms, past }: { readonly ms: number; readonly past: string }): JSX.Element {
  const now = useNow(1_000);
  return (
    <time class="at" dateTime={new Date(ms).toISOString()} title={EXACT.format(ms)}>
      {ms > now ? `in ${durationText(Math.ceil((ms - now) / 1_000) * 1_000)}` : past}
    </time>
  );
}
