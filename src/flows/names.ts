import { createHash } from 'node:crypto';
import { AmendsError } from '../errors.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;
const ID = /^[A-Za-z0-9][A-Za-z0-9._:@/+=~-]{0,127}$/;

/** The refused value as a person recognises it, whatever it is and however long. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length <= 200 ? value : `${value.slice(0, 200)}…`);
  return value === null || typeof value === 'number' ? String(value) : `a value of type ${typeof value}`;
}

/** Refuses a name of a saga, step or service that can't be a key, a queue or a label everywhere. */
export function checkName(
  kind: 'saga' | 'tcc' | 'step' | 'resource' | 'service' | 'signal' | 'timer' | 'tag' | 'stream',
  name: unknown,
): string {
  const fits = typeof name === 'string' && NAME.test(name);
  if (fits && !(name in Object.prototype)) return name;
  if (fits) {
    throw new AmendsError(
      'INVALID_DEFINITION',
      `${shown(name)} can't be the name of a ${kind}: every object has one of that name, take another`,
    );
  }
  throw new AmendsError(
    'INVALID_DEFINITION',
    `${shown(name)} can't be the name of a ${kind}: use 1 to 64 letters, digits, _ and -, starting with a letter`,
  );
}

const LONGEST_ID = 128;

/** The id of what a step or a resource of a transaction starts: its parent's with the step behind it, or where that is too long a hash of it. */
export function nestedId(parent: string, step: string): string {
  const id = `${parent}:${step}`;
  return id.length <= LONGEST_ID ? id : createHash('sha256').update(id).digest('hex');
}

/** Refuses a transaction id that can't be part of a key, a job id and a URL. */
export function checkId(id: unknown): string {
  if (typeof id === 'string' && ID.test(id)) return id;
  throw new AmendsError(
    'INVALID_ID',
    `${shown(id)} can't be a transaction's id: use 1 to 128 letters, digits and . _ : @ / + = ~ -, starting with a letter or digit`,
  );
}
