import { redactedPaths, type RedactedPath } from '../flows/redaction.ts';
import type { Schema } from '../flows/schema.ts';
import type { AnyStep } from '../flows/step.ts';

/** A path as pino has it: `a.b`, `list[*].card`, `["odd key"]`. */
function pinoPath(path: RedactedPath): string {
  return path.reduce((before, key) => {
    if (key === '*') return `${before}[*]`;
    if (!/^[A-Za-z_]\w*$/.test(key)) return `${before}[${JSON.stringify(key)}]`;
    return before === '' ? key : `${before}.${key}`;
  }, '');
}

const known = new WeakMap<AnyStep, readonly string[]>();

/** What is not shown of what the code of a step logs: its marked values, wherever it hands them over whole, as `input` or as `result`. */
export function redactionOf(contract: AnyStep): readonly string[] {
  let paths = known.get(contract);
  if (paths === undefined) {
    const within = (under: string, schema: Schema): string[] =>
      redactedPaths(schema).flatMap((path) => [...(path.length === 0 ? [] : [pinoPath(path)]), pinoPath([under, ...path])]);
    paths = [...new Set([...within('input', contract.input), ...within('result', contract.result)])];
    known.set(contract, paths);
  }
  return paths;
}
