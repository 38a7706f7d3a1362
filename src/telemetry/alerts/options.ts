import { AmendsError } from '../../errors.ts';
import { resolveChannels, type AlertChannel, type ReadyChannel } from './channels.ts';
import { resolveRules, type AlertRules, type ResolvedRules } from './rules.ts';

export interface AlertOptions {
  /** Default: all rules, with their defaults. */
  readonly rules?: AlertRules;
  /** Where alerts go, each to all of them. Give all workers the same. */
  readonly channels: readonly AlertChannel[];
  /** A case that lasts is told again after this long, in milliseconds. Default 4 hours. */
  readonly repeatAfterMs?: number;
  /** A case that was not found for this long is over, in milliseconds. Default 30 000. */
  readonly quietMs?: number;
  /** How often one of the workers looks, in milliseconds. Default 5 000. */
  readonly everyMs?: number;
}

export interface ResolvedAlerts {
  readonly rules: ResolvedRules;
  readonly channels: readonly ReadyChannel[];
  readonly repeatAfterMs: number;
  readonly quietMs: number;
  readonly everyMs: number;
}

function msOf(name: string, value: number | undefined, fallback: number): number {
  const ms = value ?? fallback;
  if (Number.isSafeInteger(ms) && ms >= 1) return ms;
  throw new AmendsError('INVALID_OPTION', `alerts.${name} is ${String(ms)}: give a whole number of milliseconds from 1`);
}

/** @throws {AmendsError} INVALID_OPTION */
export function resolveAlerts({ rules, channels, repeatAfterMs, quietMs, everyMs }: AlertOptions): ResolvedAlerts {
  return {
    rules: resolveRules(rules),
    channels: resolveChannels(channels),
    repeatAfterMs: msOf('repeatAfterMs', repeatAfterMs, 4 * 3_600_000),
    quietMs: msOf('quietMs', quietMs, 30_000),
    everyMs: msOf('everyMs', everyMs, 5_000),
  };
}
