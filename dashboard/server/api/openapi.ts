import * as z from 'zod';
import { API_BASE, ROUTES } from '../../api/routes.ts';
import { action } from '../../api/action-names.ts';
import { failure } from '../../api/common.ts';
import { packageVersion } from '../package-root.ts';

type Schema = z.core.JSONSchema.BaseSchema;

interface Described {
  readonly method: 'get' | 'post';
  readonly path: string;
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
}

/** Schemas that have an id, by it: each stands in the document once. */
class Components {
  readonly schemas: Record<string, Schema> = {};

  of(schema: z.ZodType, io: 'input' | 'output'): Schema {
    const { $schema: _schema, $defs = {}, ...own } = z.toJSONSchema(schema, { io, target: 'draft-2020-12', unrepresentable: 'any' });
    for (const [name, one] of Object.entries($defs)) this.schemas[name] ??= this.#relinked(one);
    const id = z.globalRegistry.get(schema)?.id;
    const linked = this.#relinked(own, id);
    if (id === undefined) return linked;
    this.schemas[id] ??= linked;
    return { $ref: `#/components/schemas/${id}` };
  }

  /** References within one schema become references within the document. */
  #relinked(schema: Schema, own?: string): Schema {
    const text = JSON.stringify({ ...schema, id: undefined, $id: undefined })
      .replaceAll('"#/$defs/', '"#/components/schemas/')
      .replaceAll('"$ref":"#"', `"$ref":"#/components/schemas/${own ?? 'Json'}"`);
    return JSON.parse(text) as Schema;
  }
}

function parametersOf({ path, query }: Described, components: Components): object[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: name === 'action' ? components.of(action, 'input') : { type: 'string' },
  }));
  const { properties = {}, required = [] } = query === undefined ? {} : components.of(query, 'input');
  const inQuery = Object.entries(properties).map(([name, schema]) => ({ name, in: 'query', required: required.includes(name), schema }));
  return [...inPath, ...inQuery];
}

/** The description of the API, from the schemas that check what comes in and type what goes out. */
export function openApi(): object {
  const components = new Components();
  const content = (schema: z.ZodType, io: 'input' | 'output') => ({ 'application/json': { schema: components.of(schema, io) } });
  const paths: Record<string, Record<string, object>> = {};
  for (const [name, route] of Object.entries(ROUTES) as [string, Described][]) {
    const path = `/${API_BASE}/${route.path.replace(/:(\w+)/g, '{$1}')}`;
    const body =
      route.method === 'post' ? { requestBody: { required: true, content: content(route.body ?? z.strictObject({}), 'input') } } : {};
    paths[path] = {
      ...paths[path],
      [route.method]: {
        operationId: name,
        summary: route.summary,
        parameters: parametersOf(route, components),
        ...body,
        responses: {
          200: { description: 'As asked', content: content(route.answer, 'output') },
          default: { description: 'It could not be done', content: content(failure, 'output') },
        },
      },
    };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Amends console', version: packageVersion() },
    security: [{ bearer: [] }, { basic: [] }],
    paths,
    components: {
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' }, basic: { type: 'http', scheme: 'basic' } },
      schemas: components.schemas,
    },
  };
}
