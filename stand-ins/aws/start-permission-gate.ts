import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as openRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';

import { readCappedBody } from '#serve/read-capped-body.ts';
import type { AwsCaller } from '#stand-ins/kubernetes/verify-identity-request.ts';

import { type AwsDeed, describeAwsCall } from './describe-aws-call.ts';
import {
  type Grant,
  grantsUsedBy,
  isPermitted,
  listGrants,
  type PermissionRequest,
  type PolicyStatement,
} from './evaluate-policy.ts';
import { readAssumedRole } from './read-assumed-role.ts';
import type { RunningMoto } from './start-moto.ts';

const MAX_BODY_BYTES = 8 * 1024 * 1024;

/** Somebody who calls AWS, and what the template lets them do. */
export interface Caller {
  /** What refusals call it. */
  readonly name: string;
  readonly functionArn: string;
  readonly statements: readonly PolicyStatement[];
}

/** The way to moto for those who have only the rights of a role. */
export interface PermissionGate {
  readonly url: string;
  /** Whoever signs with this access key is this caller; a stranger may do nothing. */
  addCaller(accessKeyId: string, caller: Caller): void;
  /** Hears of each session that STS gives, before the one who asked for it does. */
  onRoleAssumed(listener: (session: AwsCaller) => void): void;
  /** What was refused, oldest first: `SourceSync may not s3:PutObject on …`. */
  refusals(): readonly string[];
  /** The actions that a caller took and was allowed. */
  actionsOf(name: string): readonly string[];
  /** What a caller may do and never did. */
  unusedGrantsOf(name: string): readonly Grant[];
  stop(): Promise<void>;
}

/** Stands before moto, which checks no policy, and lets through what IAM would. */
export async function startPermissionGate(moto: RunningMoto): Promise<PermissionGate> {
  const callers = new Map<string, Caller>();
  const listeners: ((session: AwsCaller) => void)[] = [];
  const refusals: string[] = [];
  const taken = new Map<string, Set<string>>();
  const used = new Map<string, Set<string>>();
  const agent = new Agent({ keepAlive: true });

  function remember({ name, statements }: Caller, requests: readonly PermissionRequest[]): void {
    const actions = taken.get(name) ?? new Set();
    const grants = used.get(name) ?? new Set();
    taken.set(name, actions);
    used.set(name, grants);
    for (const request of requests) {
      actions.add(request.action);
      for (const grant of grantsUsedBy(statements, request)) grants.add(`${grant.action} ${grant.resource}`);
    }
  }

  /** Without ListBucket, S3 answers 403 instead of 404 for a missing object. */
  function mayMiss(request: IncomingMessage): boolean {
    const { accessKeyId, service } = readSigner(request.headers.authorization ?? '');
    const caller = callers.get(accessKeyId);
    if (service !== 's3' || caller === undefined) return true;
    const [, bucket = ''] = (request.url ?? '').split('/');
    const resource = `arn:aws:s3:::${bucket}`;
    const listing = { action: 's3:ListBucket', resource, sourceFunctionArn: caller.functionArn };
    if (!isPermitted(caller.statements, listing)) return false;
    remember(caller, [listing]);
    return true;
  }

  function judge(request: IncomingMessage, body: string): string | undefined {
    const { accessKeyId, service } = readSigner(request.headers.authorization ?? '');
    const caller = callers.get(accessKeyId);
    if (caller === undefined) return `access key ${accessKeyId} is nobody's`;
    let deeds: readonly AwsDeed[];
    try {
      const { method = '', url = '' } = request;
      deeds = describeAwsCall({ method, url, target: targetOf(request), service, body }, moto);
    } catch (error) {
      return `${caller.name}: ${error instanceof Error ? error.message : String(error)}`;
    }
    for (const deed of deeds) {
      if (!isPermitted(caller.statements, { ...deed, sourceFunctionArn: caller.functionArn })) {
        const keys = deed.leadingKeys === undefined ? '' : ` with keys ${deed.leadingKeys.join(', ')}`;
        return `${caller.name} may not ${deed.action} on ${deed.resource}${keys}`;
      }
    }
    remember(
      caller,
      deeds.map((deed) => ({ ...deed, sourceFunctionArn: caller.functionArn })),
    );
    return undefined;
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { service } = readSigner(request.headers.authorization ?? '');
    // What S3 is sent may be large, and its path says it all.
    const body = service === 's3' ? undefined : await readCappedBody(request, MAX_BODY_BYTES);
    if (body !== undefined && body.outcome !== 'read') return void request.destroy();
    const refusal = judge(request, Buffer.from(body?.bytes ?? []).toString('utf8'));
    if (refusal !== undefined) {
      refusals.push(refusal);
      return refuse(request, response, refusal);
    }
    const { method, url, headers } = request;
    const forwarded = openRequest(new URL(url ?? '/', moto.url), { method, headers, agent });
    forwarded.on('response', (answer) => {
      if (answer.statusCode === 404 && !mayMiss(request)) {
        answer.resume();
        return refuse(request, response, `${method} ${url} finds nothing, and what may be missing may not be known`);
      }
      const { statusCode = 502 } = answer;
      const handOn = service === 'sts' && statusCode === 200 ? handOnSession : handOnAnswer;
      handOn(answer, response).catch(() => response.destroy());
    });
    forwarded.on('error', () => response.destroy());
    if (body === undefined) request.pipe(forwarded);
    else forwarded.end(body.bytes);
  }

  async function handOnSession(answer: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(answer);
    const session = readAssumedRole(body);
    for (const listener of listeners) listener(session);
    response.writeHead(200, answer.headers).end(body);
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    addCaller: (accessKeyId, caller) => void callers.set(accessKeyId, caller),
    onRoleAssumed: (listener) => void listeners.push(listener),
    refusals: () => refusals,
    actionsOf: (name) => [...(taken.get(name) ?? [])].toSorted(),
    unusedGrantsOf: (name) => {
      const caller = [...callers.values()].find((one) => one.name === name);
      return listGrants(caller?.statements ?? []).filter(
        ({ action, resource }) => used.get(name)?.has(`${action} ${resource}`) !== true,
      );
    },
    stop: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      agent.destroy();
    },
  };
}

async function handOnAnswer(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  response.writeHead(answer.statusCode ?? 502, answer.headers);
  await pipeline(answer, response);
}

function targetOf(request: IncomingMessage): string {
  const target = request.headers['x-amz-target'];
  return typeof target === 'string' ? target : '';
}

/** Of `AWS4-HMAC-SHA256 Credential=<key>/<day>/<region>/<service>/aws4_request, …`. */
function readSigner(authorization: string): { readonly accessKeyId: string; readonly service: string } {
  const [, accessKeyId = '', service = ''] =
    /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\/aws4_request/u.exec(authorization) ?? [];
  return { accessKeyId, service };
}

function refuse(request: IncomingMessage, response: ServerResponse, message: string): void {
  const isJson = targetOf(request) !== '';
  response.writeHead(403, {
    'content-type': isJson ? 'application/x-amz-json-1.1' : 'application/xml',
    connection: 'close',
  });
  const error = `<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`;
  // S3 answers with the error alone.
  const isS3 = readSigner(request.headers.authorization ?? '').service === 's3';
  const xml = isS3 ? error : `<ErrorResponse>${error}</ErrorResponse>`;
  response.end(isJson ? JSON.stringify({ __type: 'AccessDeniedException', message }) : xml);
}
