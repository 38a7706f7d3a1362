import type { Logger } from 'pino';
import type { StepLog } from '../flows/step.ts';

/** A child of a logger that is made when its first line is written: most operations write none, and making one costs more than they do. */
export class LazyLog implements StepLog {
  readonly #parent: Logger | LazyLog;
  readonly #fields: Readonly<Record<string, unknown>>;
  readonly #redacted: readonly string[];
  #logger: Logger | undefined;

  /** @param redacted paths of fields that are never written */
  constructor(parent: Logger | LazyLog, fields: Readonly<Record<string, unknown>>, redacted: readonly string[] = []) {
    this.#parent = parent;
    this.#redacted = redacted;
    this.#fields = fields;
  }

  child(fields: Readonly<Record<string, unknown>>, redacted?: readonly string[]): LazyLog {
    return new LazyLog(this, fields, redacted);
  }

  debug(fields: object, message?: string): void {
    this.#write('debug', fields, message);
  }

  info(fields: object, message?: string): void {
    this.#write('info', fields, message);
  }

  warn(fields: object, message?: string): void {
    this.#write('warn', fields, message);
  }

  error(fields: object, message?: string): void {
    this.#write('error', fields, message);
  }

  #write(level: 'debug' | 'info' | 'warn' | 'error', fields: object, message: string | undefined): void {
    if (this.#root.isLevelEnabled(level)) this.#made[level](fields, message);
  }

  get #root(): Logger {
    return this.#parent instanceof LazyLog ? this.#parent.#root : this.#parent;
  }

  get #made(): Logger {
    const options = this.#redacted.length === 0 ? {} : { redact: { paths: [...this.#redacted], censor: '[redacted]' } };
    return (this.#logger ??= (this.#parent instanceof LazyLog ? this.#parent.#made : this.#parent).child(this.#fields, options));
  }
}
