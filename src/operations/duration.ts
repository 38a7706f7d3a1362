const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

/** A length of time with two units at most: `412 ms`, `4.2 s`, `3 min 12 s`, `2 h 5 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const pair = (large: number, largeName: string, small: number, smallName: string): string => {
    const rest = Math.floor((whole % large) / small);
    return `${Math.floor(whole / large)} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
  };
  if (whole < SECOND_MS) return `${whole} ms`;
  if (whole < MINUTE_MS) return `${(Math.floor(whole / 100) / 10).toFixed(1)} s`;
  if (whole < HOUR_MS) return pair(MINUTE_MS, 'min', SECOND_MS, 's');
  if (whole < DAY_MS) return pair(HOUR_MS, 'h', MINUTE_MS, 'min');
  return pair(DAY_MS, 'd', HOUR_MS, 'h');
}

/** Time since a start, to the millisecond, so that lines under each other compare: `0.412 s`, `1:02.345`, `2:00:01.000`. */
export function offset(ms: number): string {
  const whole = Math.max(0, Math.round(ms));
  const two = (value: number): string => String(Math.floor(value)).padStart(2, '0');
  const millis = String(whole % SECOND_MS).padStart(3, '0');
  if (whole < MINUTE_MS) return `${Math.floor(whole / SECOND_MS)}.${millis} s`;
  const seconds = `${two((whole % MINUTE_MS) / SECOND_MS)}.${millis}`;
  if (whole < HOUR_MS) return `${Math.floor(whole / MINUTE_MS)}:${seconds}`;
  return `${Math.floor(whole / HOUR_MS)}:${two((whole % HOUR_MS) / MINUTE_MS)}:${seconds}`;
}

/** A point in time, the same for every reader: `2026-01-31 12:00:00 UTC`. */
export function timestamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
