import * as z from 'zod';
import type { Schema } from './schema.ts';

/** Where in a value something sensitive stands: keys from the outside in; `*` is every element of a list and every value of a record. */
export type RedactedPath = readonly string[];

interface Described {
  readonly redact?: unknown;
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Described>>;
  readonly properties?: Readonly<Record<string, Described>>;
  readonly additionalProperties?: Described | boolean;
  readonly items?: Described | boolean;
  readonly prefixItems?: readonly Described[];
  readonly anyOf?: readonly Described[];
  readonly oneOf?: readonly Described[];
  readonly allOf?: readonly Described[];
}

/** A schema that contains itself is followed so many times; what is deeper is sensitive as a whole, if any of it is. */
const MOST_TIMES = 5;
/** One that contains itself in many places has more of them than anybody can go through. */
const MOST_PLACES = 20_000;

class Search {
  readonly #root: Described;
  readonly #found = new Map<string, RedactedPath>();
  #places = 0;

  constructor(root: Described) {
    this.#root = root;
  }

  /** `through`: the references that led here. */
  look(node: Described | boolean | undefined, path: RedactedPath = [], through: readonly string[] = []): readonly RedactedPath[] {
    if (++this.#places > MOST_PLACES) throw new RangeError('a schema that branches too much');
    if (typeof node === 'object') {
      if (node.redact === true) this.#found.set(JSON.stringify(path), path);
      else this.#into(node, path, through);
    }
    return [...this.#found.values()];
  }

  #into(node: Described, path: RedactedPath, through: readonly string[]): void {
    for (const [key, child] of Object.entries(node.properties ?? {})) this.look(child, [...path, key], through);
    for (const child of [node.additionalProperties, node.items, ...(node.prefixItems ?? [])]) this.look(child, [...path, '*'], through);
    for (const child of [...(node.anyOf ?? []), ...(node.oneOf ?? []), ...(node.allOf ?? [])]) this.look(child, path, through);
    if (node.$ref !== undefined) this.#follow(node.$ref, path, through);
  }

  #follow(ref: string, path: RedactedPath, through: readonly string[]): void {
    const target = ref === '#' ? this.#root : this.#root.$defs?.[ref.replace('#/$defs/', '')];
    if (through.filter((before) => before === ref).length < MOST_TIMES) this.look(target, path, [...through, ref]);
    else if (JSON.stringify(this.#root).includes('"redact":true')) this.#found.set(JSON.stringify(path), path);
  }
}

/** `[[]]`, all of it, when it can't be found out: rather too little is shown than too much. */
function described(schema: z.ZodType, io: 'input' | 'output'): readonly RedactedPath[] {
  try {
    const root = z.toJSONSchema(schema, { io, unrepresentable: 'any', cycles: 'ref' }) as Described;
    return new Search(root).look(root);
  } catch {
    return [[]];
  }
}

const known = new WeakMap<object, readonly RedactedPath[]>();

/**
 * What a schema marks as sensitive by `.meta({ redact: true })` of zod. Schemas of other libraries have no such mark.
 *
 * @example z.object({ card: z.string().meta({ redact: true }) }) // [['card']]
 */
export function redactedPaths(schema: Schema): readonly RedactedPath[] {
  const before = known.get(schema);
  if (before !== undefined) return before;
  // What is stored may be what was given or what was made of it.
  const isZod = schema['~standard'].vendor === 'zod' && '_zod' in schema;
  const marked = isZod ? (['input', 'output'] as const).flatMap((io) => described(schema as unknown as z.ZodType, io)) : [];
  const paths = [...new Map(marked.map((path) => [JSON.stringify(path), path])).values()];
  known.set(schema, paths);
  return paths;
}

/** What a plan keeps of that: nothing where nothing is marked. */
export function marked<Key extends string>(
  schemas: Readonly<Record<Key, Schema>>,
): { readonly redact?: Readonly<Partial<Record<Key, readonly RedactedPath[]>>> } {
  const entries = Object.entries<Schema>(schemas).flatMap(([key, schema]) => {
    const paths = redactedPaths(schema);
    return paths.length === 0 ? [] : [[key, paths] as const];
  });
  return entries.length === 0 ? {} : { redact: Object.freeze(Object.fromEntries(entries)) as never };
}
