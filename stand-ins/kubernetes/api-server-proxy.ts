import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request as forwardRequest } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

import { type ApiRequest, describeApiRequest } from './describe-api-request.ts';
import type { RunningCluster } from './start-cluster.ts';
import { type ClusterUser, writeKubeconfig } from './write-kubeconfig.ts';

/** A request as it passed the proxy. */
export interface ProxiedRequest extends ApiRequest {
  /** 1 for the first request since the counters were reset. */
  readonly index: number;
  readonly method: string;
  readonly uri: string;
  readonly userAgent: string;
}

/** What goes wrong with a request. */
export type ApiFault =
  | { readonly kind: 'delay'; readonly ms: number }
  | { readonly kind: 'status'; readonly status: number; readonly retryAfterSeconds?: number; readonly message?: string }
  /** The connection is reset; the API server never hears of the request. */
  | { readonly kind: 'reset' }
  /** The API server does what it is asked, and the connection is reset in place of the answer. */
  | { readonly kind: 'lostAnswer' }
  /** The answer announces its whole length and ends after so many bytes. */
  | { readonly kind: 'truncate'; readonly bytes: number }
  /** Nothing is forwarded and nothing is answered until the client gives up or the proxy stops. */
  | { readonly kind: 'hang' };

/** Which requests are meant: those equal in every field given, or those a function picks. */
export type RequestMatch = Partial<Omit<ProxiedRequest, 'index'>> | ((request: ProxiedRequest) => boolean);

/** A fault and the requests it befalls. */
export interface FaultRule {
  readonly match: RequestMatch;
  /** Only the nth request that matches, counted from 1 since the rule was added; all of them unless given. */
  readonly nth?: number;
  readonly fault: ApiFault;
}

/** How many requests of one sort passed. */
export interface RequestCount {
  readonly verb: ApiRequest['verb'];
  readonly dryRun: boolean;
  readonly template: string;
  readonly count: number;
}

/** How the proxy is started. */
export interface StartApiServerProxyOptions {
  readonly target: Pick<
    RunningCluster,
    'server' | 'certificateAuthority' | 'servingCertificate' | 'admin' | 'contextName' | 'folder'
  >;
  /** Who the proxy's kubeconfig is for; the administrator unless given. */
  readonly user?: ClusterUser;
  /** How much later every request reaches the API server. */
  readonly latencyMs?: number;
  /** Called before a request is forwarded; the request waits for it. */
  readonly onRequest?: (request: ProxiedRequest) => void | Promise<void>;
  /** Called when the API server has answered; the answer waits for it. */
  readonly onAnswer?: (request: ProxiedRequest, status: number) => void | Promise<void>;
}

/** A proxy in front of an API server that counts requests and can spoil them. */
export interface ApiServerProxy {
  readonly server: string;
  readonly kubeconfigPath: string;
  addFault(rule: FaultRule): { remove(): void };
  clearFaults(): void;
  setLatency(ms: number): void;
  /** Every request since the counters were reset, in the order of arrival. */
  requests(): readonly ProxiedRequest[];
  count(match?: RequestMatch): number;
  /** The requests by verb and path template, most frequent first. */
  counts(): readonly RequestCount[];
  resetCounters(): void;
  stop(): Promise<void>;
}

interface ActiveRule {
  readonly rule: FaultRule;
  matched: number;
}

function matches(request: ProxiedRequest, match: RequestMatch): boolean {
  if (typeof match === 'function') return match(request);
  const fields: Readonly<Record<string, unknown>> = { ...request };
  return Object.entries(match).every(([field, expected]) => fields[field] === expected);
}

function countRequests(requests: readonly ProxiedRequest[]): readonly RequestCount[] {
  const counts = new Map<string, RequestCount>();
  for (const { verb, dryRun, template } of requests) {
    const key = `${verb} ${dryRun} ${template}`;
    counts.set(key, { verb, dryRun, template, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || a.template.localeCompare(b.template));
}

function answerStatus(response: ServerResponse, fault: Extract<ApiFault, { kind: 'status' }>): void {
  const { status, retryAfterSeconds, message = `the proxy answers ${status} as it was told` } = fault;
  const details = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  const body = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, code: status, ...details };
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(retryAfterSeconds === undefined ? {} : { 'retry-after': String(retryAfterSeconds) }),
  });
  response.end(JSON.stringify(body));
}

function endToEndHeaders(headers: IncomingMessage['headers']): IncomingMessage['headers'] {
  const { connection: _connection, host: _host, 'keep-alive': _keepAlive, ...rest } = headers;
  return rest;
}

/** Starts a proxy in front of a stand-in cluster's API server, with the server's own certificate and a kubeconfig of its own. */
export async function startApiServerProxy(options: StartApiServerProxyOptions): Promise<ApiServerProxy> {
  const { target, onRequest, onAnswer } = options;
  const agent = new Agent({ keepAlive: true, ca: target.certificateAuthority });
  const connections = new Map<number, Socket>();
  const stopping = new AbortController();
  let latencyMs = options.latencyMs ?? 0;
  let requests: ProxiedRequest[] = [];
  let rules: ActiveRule[] = [];

  function record(incoming: IncomingMessage): ProxiedRequest {
    const { method = 'GET', url: uri = '/', headers } = incoming;
    const request: ProxiedRequest = {
      ...describeApiRequest(method, uri, headers['content-type'] ?? ''),
      index: requests.length + 1,
      method,
      uri,
      userAgent: headers['user-agent'] ?? '',
    };
    requests.push(request);
    return request;
  }

  function chooseFault(request: ProxiedRequest): ApiFault | undefined {
    let chosen: ApiFault | undefined;
    for (const active of rules) {
      if (!matches(request, active.rule.match)) continue;
      active.matched += 1;
      if (active.rule.nth === undefined || active.rule.nth === active.matched) chosen ??= active.rule.fault;
    }
    return chosen;
  }

  function resetConnection(incoming: IncomingMessage): void {
    // The reset has to happen below TLS: closing the encrypted stream would say goodbye.
    const raw = connections.get(incoming.socket.remotePort ?? 0);
    if (raw === undefined) incoming.socket.destroy();
    else raw.resetAndDestroy();
  }

  async function forward(incoming: IncomingMessage, response: ServerResponse): Promise<IncomingMessage> {
    const url = new URL(incoming.url ?? '/', target.server);
    const outgoing: ClientRequest = forwardRequest(url, {
      agent,
      ...(incoming.method === undefined ? {} : { method: incoming.method }),
      headers: endToEndHeaders(incoming.headers),
    });
    // A watch ends when its client goes away, and must end at the server too.
    response.once('close', () => outgoing.destroy());
    incoming.pipe(outgoing);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    outgoing.on('error', () => response.destroy());
    return answer;
  }

  async function truncate(answer: IncomingMessage, response: ServerResponse, bytes: number): Promise<void> {
    const whole = await buffer(answer);
    const { 'transfer-encoding': _chunked, ...headers } = endToEndHeaders(answer.headers);
    response.writeHead(answer.statusCode ?? 502, { ...headers, 'content-length': String(whole.length) });
    const part = whole.subarray(0, Math.min(bytes, whole.length - 1));
    await new Promise((resolve) => response.write(part, resolve));
    response.destroy();
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = record(incoming);
    const fault = chooseFault(request);
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal: stopping.signal });
    await onRequest?.(request);
    if (fault?.kind === 'reset') return resetConnection(incoming);
    if (fault?.kind === 'hang') return;
    if (fault?.kind === 'status') {
      incoming.resume();
      return answerStatus(response, fault);
    }
    if (fault?.kind === 'delay') await sleep(fault.ms, undefined, { signal: stopping.signal });
    const answer = await forward(incoming, response);
    await onAnswer?.(request, answer.statusCode ?? 0);
    if (fault?.kind === 'lostAnswer') {
      await buffer(answer);
      return resetConnection(incoming);
    }
    if (fault?.kind === 'truncate') return truncate(answer, response, fault.bytes);
    response.writeHead(answer.statusCode ?? 502, endToEndHeaders(answer.headers));
    response.flushHeaders();
    answer.once('error', () => response.destroy());
    answer.pipe(response);
  }

  const { certificate, key } = target.servingCertificate;
  const server = createServer({ cert: certificate, key, keepAliveTimeout: 60_000 }, (incoming, response) => {
    // The API server is gone or the proxy stops: to the client both are a connection that breaks.
    serve(incoming, response).catch(() => incoming.socket.destroy());
  });
  server.on('connection', (socket: Socket) => {
    const port = socket.remotePort ?? 0;
    connections.set(port, socket);
    socket.once('close', () => connections.delete(port));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port of its own');
  const url = `https://127.0.0.1:${address.port}`;
  const kubeconfigPath = join(target.folder, `proxy-${address.port}.kubeconfig`);
  await writeKubeconfig(kubeconfigPath, {
    contextName: target.contextName,
    server: url,
    certificateAuthority: target.certificateAuthority,
    user: options.user ?? target.admin,
  });

  return {
    server: url,
    kubeconfigPath,
    addFault: (rule) => {
      const active: ActiveRule = { rule, matched: 0 };
      rules.push(active);
      return {
        remove: () => {
          rules = rules.filter((other) => other !== active);
        },
      };
    },
    clearFaults: () => {
      rules = [];
    },
    setLatency: (ms) => {
      latencyMs = ms;
    },
    requests: () => [...requests],
    count: (match = {}) => requests.filter((request) => matches(request, match)).length,
    counts: () => countRequests(requests),
    resetCounters: () => {
      requests = [];
    },
    stop: async () => {
      stopping.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
}
