import * as z from 'zod';
import type { AnyStep } from '../flows/step.ts';

interface SchemaNode {
  readonly redact?: boolean;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode | boolean;
  readonly additionalProperties?: SchemaNode | boolean;
  readonly anyOf?: readonly SchemaNode[];
  readonly allOf?: readonly SchemaNode[];
  readonly prefixItems?: readonly SchemaNode[];
}

const DEEPEST = 12;

function field(path: string, name: string): string {
  if (/^[A-Za-z_]\w*$/.test(name)) return path === '' ? name : `${path}.${name}`;
  return `${path}[${JSON.stringify(name)}]`;
}

function collect(node: SchemaNode | boolean | undefined, path: string, found: Set<string>, depth = 0): void {
  if (typeof node !== 'object' || depth > DEEPEST) return;
  if (node.redact === true) {
    if (path !== '') found.add(path);
    return;
  }
  for (const [name, inner] of Object.entries(node.properties ?? {})) collect(inner, field(path, name), found, depth + 1);
  for (const inner of [node.items, node.additionalProperties, ...(node.prefixItems ?? [])]) collect(inner, `${path}[*]`, found, depth + 1);
  for (const inner of [...(node.anyOf ?? []), ...(node.allOf ?? [])]) collect(inner, path, found, depth + 1);
}

/** Where in data of this schema are values that it marks with `.meta({ redact: true })`. Of schemas of other libraries nothing is known. */
function markedIn(schema: unknown): readonly string[] {
  if (!(schema instanceof z.ZodType)) return [];
  const found = new Set<string>();
  for (const io of ['input', 'output'] as const) {
    collect(z.toJSONSchema(schema, { io, unrepresentable: 'any', reused: 'inline', cycles: 'ref' }) as SchemaNode, '', found);
  }
  return [...found];
}

const known = new WeakMap<AnyStep, readonly string[]>();

/** What is not shown of what the code of a step logs: its marked values, wherever it hands them over whole, as `input` or as `result`. */
export function redactionOf(contract: AnyStep): readonly string[] {
  let paths = known.get(contract);
  if (paths === undefined) {
    const within = (under: string, schema: unknown): string[] =>
      markedIn(schema).flatMap((path) => [path, path.startsWith('[') ? `${under}${path}` : `${under}.${path}`]);
    paths = [...new Set([...within('input', contract.input), ...within('result', contract.result)])];
    known.set(contract, paths);
  }
  return paths;
}
