import { InvalidArgumentError } from 'commander';
import { STATUSES, type Status } from '../machine/state.ts';
import { printable } from '../operations/printable.ts';

/** Options that every command takes. */
export interface GlobalOptions {
  readonly url?: string;
  readonly namespace?: string;
  readonly folder?: string;
  readonly shards?: number;
}

/** Parses an option that is a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Give a whole number from ${least} to ${most}.`);
  };
}

/** `a,b`, and the option given again. */
export function list(text: string, before: readonly string[] = []): readonly string[] {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.includes('')) throw new InvalidArgumentError('Give names with commas between them.');
  return [...before, ...parts];
}

export function statusList(text: string, before: readonly Status[] = []): readonly Status[] {
  const parts = list(text);
  const unknown = parts.find((part) => !(STATUSES as readonly string[]).includes(part));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${printable(unknown)}" is none of ${STATUSES.join(', ')}.`);
  return [...before, ...(parts as readonly Status[])];
}

/** `name=value`, and the option given again for another one. */
export function tag(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('Give it as name=value.');
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  if (Object.hasOwn(before, name) && before[name] !== value) {
    throw new InvalidArgumentError(`"${printable(name)}" is given with two values: a saga has one.`);
  }
  return { ...before, [name]: value };
}

function quoted(value: string): string {
  return /^[\w./@%+=:,-]+$/.test(value) ? value : `'${printable(value).replaceAll("'", `'\\''`)}'`;
}

/** Completes a command to run next with the options that led here. Not the URL: it may hold a password. */
export function hintFor({ namespace, folder }: Pick<GlobalOptions, 'namespace' | 'folder'>): (command: string) => string {
  const flags = [
    folder === undefined ? '' : ` --folder ${quoted(folder)}`,
    namespace === undefined ? '' : ` --namespace ${quoted(namespace)}`,
  ];
  return (command) => `${command}${flags.join('')}`;
}
