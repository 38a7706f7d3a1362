import { AmendsError } from '../../errors.ts';
import { resolveChannels, type AlertChannel, type ReadyChannel } from './channels.ts';
import { linkTo, resolveConsoleUrl } from './links.ts';
import { resolveRules, type AlertRules, type ResolvedRules } from './rules.ts';

export interface AlertOptions {
  /** Default: all rules, with their defaults. */
  readonly rules?: AlertRules;
  /** Where alerts go, each to all of them. Give all workers the same. */
  readonly channels: readonly AlertChannel[];
  /** Where people open the console, such as `https://ops.example.com/amends`: alerts then carry the address of the page that shows what they are about. */
  readonly consoleUrl?: string;
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

/** The link is made where an alert is sent: what is queued stays true when the console moves. */
function linking(channel: ReadyChannel, consoleUrl: URL | undefined): ReadyChannel {
  if (consoleUrl === undefined) return channel;
  const { name } = channel;
  return { name, send: (alert, sending) => channel.send({ ...alert, url: linkTo(consoleUrl, alert) }, sending) };
}

/** @throws {AmendsError} INVALID_OPTION */
export function resolveAlerts({ rules, channels, consoleUrl, repeatAfterMs, quietMs, everyMs }: AlertOptions): ResolvedAlerts {
  const console = resolveConsoleUrl(consoleUrl);
  return {
    rules: resolveRules(rules),
    channels: resolveChannels(channels).map((channel) => linking(channel, console)),
    repeatAfterMs: msOf('repeatAfterMs', repeatAfterMs, 4 * 3_600_000),
    quietMs: msOf('quietMs', quietMs, 30_000),
    everyMs: msOf('everyMs', everyMs, 5_000),
  };
}
