import type { Logger } from 'pino';
import { checkShards } from '../connections/shards.ts';
import { AmendsError } from '../errors.ts';
import { DEFAULT_PAYLOAD_LIMITS, type PayloadLimits } from '../flows/json.ts';
import { defaultLogger } from '../telemetry/logger.ts';
import { resolveTelemetry, type ResolvedTelemetryOptions, type TelemetryOptions } from '../telemetry/telemetry.ts';
import type { StoreOptions } from './store.ts';

/** How one store is opened. */
export interface StoreConnectOptions {
  /** Keeps several installations apart in one store: key prefix on Redis, schema on PostgreSQL. Default `amends`. */
  readonly namespace?: string;
  /** Folder of the embedded store. Default `.amends`. */
  readonly folder?: string;
  /** Creates or updates our tables on PostgreSQL. Default `true`; with `false` run `npx amends migrate` when you deploy. */
  readonly migrate?: boolean;
  /** Starts on a Redis that may evict our keys, with a warning. Default `false`. */
  readonly allowUnsafeRedis?: boolean;
  /**
   * How long the store may leave a command unanswered, in milliseconds from 1 000; then the connection is given up, another one is opened, and
   * what was sent counts as not known to be done. Default 15 000. Workers' waits on Redis never give up before that.
   */
  readonly storeTimeoutMs?: number;
  /** Largest input, argument or result, in bytes of JSON. Default 1 048 576. */
  readonly maxPayloadBytes?: number;
  /** Any pino logger. Default: warnings and errors to stderr; AMENDS_LOG_LEVEL sets the level. */
  readonly logger?: Logger;
}

export interface ConnectOptions extends StoreConnectOptions {
  /** Keeps the journal in another store than the queue: `connect('redis://…', { journal: 'postgres://…' })`. */
  readonly journal?: string;
  /**
   * Redis only: how many parts its transactions are divided into, 1 to 256. On a Redis Cluster each shard, with the journal and the jobs of its
   * transactions, is in one slot, so they are spread over the masters; take some four times as many as there will ever be masters. The number is
   * settled when the namespace is first used, and another one is refused from then on. Default: what the namespace has, 1 in a new one.
   */
  readonly shards?: number;
  /** Where traces and measurements go. Default: to the OpenTelemetry SDK that the application registers, if it does. */
  readonly telemetry?: TelemetryOptions;
}

export interface ResolvedOptions extends StoreOptions {
  readonly url: string | undefined;
  readonly telemetry: ResolvedTelemetryOptions;
  readonly limits: PayloadLimits;
}

const LOGGER_METHODS = ['debug', 'info', 'warn', 'error', 'child', 'isLevelEnabled'] as const;

function checkLogger(logger: Logger): Logger {
  const missing = LOGGER_METHODS.find((name) => typeof (logger as Partial<Logger> | null)?.[name] !== 'function');
  if (missing === undefined) return logger;
  throw new AmendsError('INVALID_OPTION', `logger has no ${missing}(): give a pino logger, and to hear nothing pino({ level: 'silent' })`);
}

/**
 * Options with their defaults.
 *
 * @param url Default: AMENDS_URL.
 * @throws {AmendsError} INVALID_OPTION
 */
export function resolveOptions(
  url: string | undefined,
  options: StoreConnectOptions & Pick<ConnectOptions, 'shards' | 'telemetry'>,
): ResolvedOptions {
  const namespace = options.namespace ?? 'amends';
  if (!/^[a-z][a-z0-9_]{0,30}$/.test(namespace)) {
    throw new AmendsError(
      'INVALID_OPTION',
      `namespace is ${JSON.stringify(namespace)}: use 1 to 31 lower-case letters, digits and _, starting with a letter`,
    );
  }
  const maxBytes = options.maxPayloadBytes ?? DEFAULT_PAYLOAD_LIMITS.maxBytes;
  if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
    throw new AmendsError('INVALID_OPTION', `maxPayloadBytes is ${String(maxBytes)}: give a whole number of bytes from 1`);
  }
  const storeTimeoutMs = options.storeTimeoutMs ?? 15_000;
  if (!Number.isSafeInteger(storeTimeoutMs) || storeTimeoutMs < 1_000) {
    throw new AmendsError('INVALID_OPTION', `storeTimeoutMs is ${String(storeTimeoutMs)}: give a whole number of milliseconds from 1000`);
  }
  return {
    url: url ?? process.env.AMENDS_URL,
    namespace,
    folder: options.folder ?? '.amends',
    migrate: options.migrate ?? true,
    allowUnsafeRedis: options.allowUnsafeRedis ?? false,
    shards: options.shards === undefined ? undefined : checkShards(options.shards),
    storeTimeoutMs,
    limits: { ...DEFAULT_PAYLOAD_LIMITS, maxBytes },
    log: options.logger === undefined ? defaultLogger() : checkLogger(options.logger),
    telemetry: resolveTelemetry(options.telemetry),
  };
}
