import { Ajv } from 'ajv';
import addFormatsModule from 'ajv-formats';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

/** A JSON object of the description, not yet looked into. */
export type Json = Readonly<Record<string, unknown>>;

const require = createRequire(import.meta.url);
const addFormats = addFormatsModule.default;

let loading: Promise<Json> | null = null;

/** Reads GitHub's own OpenAPI description, once a process. */
export function loadDescription(): Promise<Json> {
  loading ??= readFile(require.resolve('@octokit/openapi/generated/api.github.com.json'), 'utf8').then(
    (text) => JSON.parse(text) as Json,
  );
  return loading;
}

/** A value as an object, or an empty one. */
export function asObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** What a `#/components/...` reference points at. */
export function lookUp(description: Json, reference: string): Json {
  const found = reference
    .slice(2)
    .split('/')
    .reduce((at: Json, name) => asObject(at[name]), description);
  return found;
}

function idOf(reference: string): string {
  return `github:${reference.slice(1)}`;
}

function convert(value: unknown, references: Set<string>): unknown {
  if (Array.isArray(value)) return value.map((item) => convert(item, references));
  if (typeof value !== 'object' || value === null) return value;
  const { nullable, discriminator: _, example: __, examples: ___, ...rest } = { ...value } as Record<string, unknown>;
  if (typeof rest['$ref'] === 'string' && rest['$ref'].startsWith('#/')) {
    references.add(rest['$ref']);
    return { $ref: idOf(rest['$ref']) };
  }
  const schema = Object.fromEntries(
    Object.entries(rest).map(([key, item]) => [key, key === 'enum' ? item : convert(item, references)]),
  );
  if (nullable !== true) return schema;
  // OpenAPI 3.0 says "or null" with a keyword of its own; JSON Schema with an alternative.
  return { anyOf: [{ type: 'null' }, schema] };
}

/** Compiles schemas of the description on demand, each component once. */
export function makeCompiler(description: Json): (schema: unknown, coerce: boolean) => (value: unknown) => string[] {
  const options = { strict: false, logger: false, validateSchema: false, allErrors: true, inlineRefs: false } as const;
  const ajvs = { plain: new Ajv(options), coercing: new Ajv({ ...options, coerceTypes: 'array' }) };
  const known = { plain: new Set<string>(), coercing: new Set<string>() };
  for (const ajv of Object.values(ajvs)) {
    addFormats(ajv);
    // GitHub answers an empty string for a URL that was not given, also where its description says "uri".
    ajv.addFormat('uri', (text: string) => text === '' || URL.canParse(text));
  }
  function addReferenced(kind: 'plain' | 'coercing', references: Set<string>): void {
    for (const reference of references) {
      if (known[kind].has(reference)) continue;
      known[kind].add(reference);
      const further = new Set<string>();
      ajvs[kind].addSchema(asObject(convert(lookUp(description, reference), further)), idOf(reference));
      addReferenced(kind, further);
    }
  }
  return (schema, coerce) => {
    const kind = coerce ? 'coercing' : 'plain';
    const references = new Set<string>();
    const converted = asObject(convert(schema, references));
    addReferenced(kind, references);
    const validate = ajvs[kind].compile(converted);
    return (value) => {
      if (validate(value)) return [];
      return (validate.errors ?? [])
        .slice(0, 12)
        .map((error) => `${error.instancePath || '/'} ${error.message ?? error.keyword}`);
    };
  };
}
