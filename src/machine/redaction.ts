import type { Json } from '../flows/json.ts';
import type { Plan } from '../flows/plan.ts';
import type { RedactedPath } from '../flows/redaction.ts';
import type { TransactionEvent } from './event.ts';
import type { ErrorData, State } from './state.ts';

/** What stands in place of a value whose schema is marked with `.meta({ redact: true })`. */
const REDACTED = '[redacted]';

/** A shorter text is too common to be looked for within others. */
const SHORTEST_SECRET = 4;
/** One of this length, such as the check digits of a card, is looked for as a word of its own. What is shorter is hidden where it is marked only. */
const WORD_SECRET = 3;

interface Secrets {
  readonly anywhere: Set<string>;
  readonly words: Set<string>;
}

function redact(value: Json | undefined, path: RedactedPath, secrets: Secrets): Json | undefined {
  if (value === undefined || value === null) return value;
  const [key, ...rest] = path;
  if (key === undefined) {
    collect(value, secrets);
    return REDACTED;
  }
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return key === '*' ? (value as readonly Json[]).map((one) => redact(one, rest, secrets) as Json) : value;
  return Object.fromEntries(
    Object.entries(value as Record<string, Json>).map(([name, one]) => [
      name,
      key === '*' || key === name ? redact(one, rest, secrets) : one,
    ]),
  ) as Json;
}

/** The texts and numbers in a sensitive value. */
function collect(value: Json | undefined, secrets: Secrets): void {
  if (typeof value === 'object' && value !== null) for (const one of Object.values(value)) collect(one, secrets);
  else if (typeof value === 'string' || typeof value === 'number') {
    const text = String(value);
    if (text.length >= SHORTEST_SECRET) secrets.anywhere.add(text);
    else if (text.length === WORD_SECRET) secrets.words.add(text);
  }
}

/** Any of these texts where no letter or digit stands beside it. */
function wordsIn(words: ReadonlySet<string>): RegExp {
  const escaped = [...words].map((word) => word.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
  return new RegExp(`(?<![\\p{L}\\p{N}])(?:${escaped.join('|')})(?![\\p{L}\\p{N}])`, 'gu');
}

/**
 * Takes out of a transaction what its plan marks as sensitive, for people's eyes: where the marks say, and wherever the same text stands again, in
 * the arguments that a mapper made of the input for example, in the output, or in an error. A text of three characters is found there as a word of
 * its own, a shorter one not at all.
 */
export class Redaction {
  readonly #plan: Plan;
  readonly #secrets: Secrets = { anywhere: new Set(), words: new Set() };
  #words: RegExp | undefined;

  constructor(plan: Plan, state: Pick<State, 'input' | 'steps' | 'signals'>) {
    this.#plan = plan;
    // All secrets are known before anything is shown.
    this.#at(plan.redact?.input, state.input);
    for (const [name, { args, result }] of Object.entries(state.steps)) {
      this.#at(this.#marks(name)?.input, args);
      this.#at(this.#marks(name)?.result, result);
    }
    for (const [name, data] of Object.entries(state.signals)) this.#at(this.#marks(name)?.result, data);
  }

  input(value: Json): Json {
    return this.rest(this.#at(this.#plan.redact?.input, value) as Json);
  }

  stepInput(step: string, value: Json): Json {
    return this.rest(this.#at(this.#marks(step)?.input, value) as Json);
  }

  stepResult(step: string, value: Json): Json {
    return this.rest(this.#at(this.#marks(step)?.result, value) as Json);
  }

  error<E extends ErrorData>(error: E): E {
    return this.rest(error as unknown as Json) as unknown as E;
  }

  text(text: string): string {
    let clean = text;
    for (const secret of this.#secrets.anywhere) if (clean.includes(secret)) clean = clean.replaceAll(secret, REDACTED);
    if (this.#secrets.words.size === 0) return clean;
    this.#words ??= wordsIn(this.#secrets.words);
    return clean.replace(this.#words, REDACTED);
  }

  /** Any value, by what is known to be sensitive. */
  rest(value: Json): Json {
    if (this.#secrets.anywhere.size + this.#secrets.words.size === 0) return value;
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number') return this.#secrets.anywhere.has(String(value)) ? REDACTED : value;
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return (value as readonly Json[]).map((one) => this.rest(one));
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, one === undefined ? one : this.rest(one)]));
  }

  event(event: TransactionEvent): TransactionEvent {
    const marked = (data: object): TransactionEvent => ({ type: event.type, data: this.rest(data as Json) }) as TransactionEvent;
    switch (event.type) {
      case 'saga_started':
        return marked({ ...event.data, input: this.input(event.data.input) });
      case 'step_issued':
        return marked({ ...event.data, args: this.stepInput(event.data.step, event.data.args) });
      case 'step_succeeded':
      case 'wait_ended':
        return marked({ ...event.data, result: this.stepResult(event.data.step, event.data.result) });
      case 'signal_received':
        return marked({ ...event.data, data: this.stepResult(event.data.signal, event.data.data) });
      default:
        return marked(event.data);
    }
  }

  #marks(step: string): Plan['steps'][string]['redact'] {
    return Object.hasOwn(this.#plan.steps, step) ? this.#plan.steps[step]?.redact : undefined;
  }

  #at(paths: readonly RedactedPath[] | undefined, value: Json | undefined): Json | undefined {
    let clean = value;
    for (const path of paths ?? []) clean = redact(clean, path, this.#secrets);
    return clean;
  }
}
