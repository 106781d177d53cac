import type { GraphQLError } from 'graphql';
import { buildSchema, graphql } from 'graphql';
import type { IncomingMessage } from 'node:http';

import { authenticate } from './authenticate.ts';
import type { Actor, Core } from './core.ts';
import { graphqlRoot } from './graphql-root.ts';
import { GRAPHQL_SCHEMA } from './graphql-schema.ts';
import { Problem } from './problem.ts';
import type { LimitRefusal } from './rate-limits.ts';
import { objectOf, textOf } from './read-body.ts';
import { callerOf } from './routes/meta.ts';
import type { Sent } from './serve-api.ts';
import { limitHeaders, parseBody, problemAnswer } from './serve-api.ts';

const schema = buildSchema(GRAPHQL_SCHEMA);

function json(status: number, value: unknown, more: Readonly<Record<string, string>> = {}): Sent {
  const headers = { 'content-type': 'application/json; charset=utf-8', ...more };
  return { status, headers, body: Buffer.from(JSON.stringify(value)) };
}

function showError(error: GraphQLError): Record<string, unknown> {
  const type = error.extensions['type'];
  const { message, path, locations } = error.toJSON();
  return { ...(typeof type === 'string' ? { type } : {}), message, path, locations };
}

/** The budget of the hour is refused with a 200 and a type; the limit of the minute with a 200 or a 403, and words alone. */
function refuseByLimit(core: Core, caller: string, { limit, message, headers }: LimitRefusal): Sent {
  const { graphqlStatus, graphqlType } = core.rateLimits.graphql();
  const all = { ...limitHeaders(core, caller, 'graphql'), ...headers };
  if (limit === 'primary') {
    const code = graphqlType === 'RATE_LIMIT' ? { code: 'graphql_rate_limit' } : {};
    return json(200, { errors: [{ type: graphqlType, ...code, message }] }, all);
  }
  return json(graphqlStatus, graphqlStatus === 200 ? { errors: [{ message }] } : { message }, all);
}

/** Answers one GraphQL request: 200 with data, errors or both, as GitHub does. */
export async function serveGraphql(core: Core, request: IncomingMessage, bytes: Buffer): Promise<Sent> {
  try {
    const actor: Actor = authenticate(core, request.headers.authorization);
    if (actor.kind === 'anonymous' || actor.kind === 'app') {
      return json(401, { message: 'This endpoint requires you to be authenticated.' });
    }
    const body = parseBody(bytes);
    const caller = `graphql ${callerOf({ actor })}`;
    const refusal = core.rateLimits.refuse(caller, /^\s*mutation\b/.test(textOf(body, 'query') ?? ''));
    if (refusal !== null) return refuseByLimit(core, caller, refusal);
    core.rateLimits.spend(caller);
    const result = await graphql({
      schema,
      source: textOf(body, 'query') ?? '',
      rootValue: graphqlRoot(core, actor),
      variableValues: objectOf(body, 'variables') ?? {},
    });
    await core.save();
    const data = result.data === undefined ? {} : { data: result.data };
    const errors = result.errors === undefined ? {} : { errors: result.errors.map(showError) };
    return json(200, { ...data, ...errors }, limitHeaders(core, caller, 'graphql'));
  } catch (error) {
    const answer = problemAnswer(error);
    if (!(error instanceof Problem)) core.violations.push(`POST /graphql: ${JSON.stringify(answer.body)}`);
    return json(answer.status, answer.body, answer.headers);
  }
}
