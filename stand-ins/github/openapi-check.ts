import type { Json } from './openapi-schemas.ts';
import { asObject, loadDescription, lookUp, makeCompiler } from './openapi-schemas.ts';

type Check = (value: unknown) => string[];

/** Checks requests and answers against GitHub's own description of an endpoint. */
export type OpenApiCheck = {
  readonly request: (method: string, template: string, query: URLSearchParams, body: unknown) => string[];
  readonly answer: (method: string, template: string, status: number, body: unknown) => string[];
};

type Operation = {
  readonly query: Check;
  readonly body: Check | null;
  readonly answers: Map<string, Check | null>;
  readonly declared: Json;
};

/**
 * Where the description contradicts itself: it wants an installation's account to be a user and an enterprise at once
 * here, and either of them in the component of the same name.
 */
const CORRECTIONS: Readonly<Record<string, unknown>> = {
  'GET /app/installations 200': { type: 'array', items: { $ref: '#/components/schemas/installation' } },
};

const NO_CHECK: Check = () => [];

function jsonSchema(value: unknown): unknown {
  const content = asObject(asObject(value)['content']);
  return asObject(content['application/json'])['schema'];
}

/** Makes the checks; each endpoint's are compiled when it is first asked. */
export async function makeOpenApiCheck(): Promise<OpenApiCheck> {
  const description = await loadDescription();
  const compile = makeCompiler(description);
  const operations = new Map<string, Operation>();
  const resolve = (value: unknown): Json => {
    const object = asObject(value);
    return typeof object['$ref'] === 'string' ? lookUp(description, object['$ref']) : object;
  };

  function queryCheck(parameters: unknown): Check {
    const list = (Array.isArray(parameters) ? parameters : []).map(resolve).filter((one) => one['in'] === 'query');
    const properties = Object.fromEntries(list.map((one) => [String(one['name']), one['schema']]));
    const required = list.filter((one) => one['required'] === true).map((one) => one['name']);
    return compile({ type: 'object', properties, required }, true);
  }

  function operationOf(method: string, template: string): Operation | null {
    const key = `${method} ${template}`;
    const known = operations.get(key);
    if (known !== undefined) return known;
    const found = asObject(asObject(asObject(description['paths'])[template])[method.toLowerCase()]);
    if (found['responses'] === undefined) return null;
    const body = jsonSchema(resolve(found['requestBody']));
    const operation: Operation = {
      query: queryCheck(found['parameters']),
      body: body === undefined ? null : compile(body, false),
      answers: new Map(),
      declared: asObject(found['responses']),
    };
    operations.set(key, operation);
    return operation;
  }

  function answerCheck(where: string, operation: Operation, status: number): Check | null {
    const key = String(status);
    const known = operation.answers.get(key);
    if (known !== undefined) return known;
    const declared = operation.declared[key];
    const schema = CORRECTIONS[`${where} ${status}`] ?? jsonSchema(resolve(declared));
    const check = declared === undefined ? null : schema === undefined ? NO_CHECK : compile(schema, false);
    operation.answers.set(key, check);
    return check;
  }

  return {
    request: (method, template, query, body) => {
      const operation = operationOf(method, template);
      if (operation === null) return [`${method} ${template} is not an endpoint of GitHub's description`];
      const inBody = operation.body === null || body === undefined ? [] : operation.body(body);
      return [...operation.query(Object.fromEntries(query)), ...inBody];
    },
    answer: (method, template, status, body) => {
      const operation = operationOf(method, template);
      if (operation === null) return [`${method} ${template} is not an endpoint of GitHub's description`];
      const check = answerCheck(`${method} ${template}`, operation, status);
      // GitHub answers errors that its description does not list, but no success.
      if (check === null) return status < 300 ? [`status ${status} is not one of GitHub's answers here`] : [];
      return check(body);
    },
  };
}
