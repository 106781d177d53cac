import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

import { readCappedBody } from '#serve/read-capped-body.ts';

/** How long Lambda lets a process load its code, before that counts as the function's own time. */
const INIT_MS = 10_000;
/** What Lambda takes as an event, and as an answer: 6 MB each, where it is waited for (AWS: "Lambda quotas"). */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024;

const ROUTE =
  /^\/2018-06-01\/runtime\/(?:(?<init>init\/error)|(?<next>invocation\/next)|invocation\/(?<id>[\w-]+)\/(?<what>response|error))$/u;

const RuntimeProblem = z.object({ errorType: z.string(), errorMessage: z.string() });

/** What became of one event. */
export type Invocation =
  | { readonly outcome: 'answered'; readonly payload: unknown; readonly ms: number; readonly coldStart: boolean }
  | { readonly outcome: 'failed'; readonly errorType: string; readonly message: string; readonly ms: number }
  | { readonly outcome: 'timedOut'; readonly ms: number };

export interface RuntimeApiOptions {
  readonly functionArn: string;
  readonly timeoutMs: number;
  /** The process asks for an event and there is none. */
  readonly onIdle: () => void;
  /** The event took longer than the function may. */
  readonly onTimeout: () => void;
}

/** The Lambda Runtime API of one process: it asks for events here, and answers them here. */
export interface RuntimeApi {
  /** Host and port, for `AWS_LAMBDA_RUNTIME_API`. */
  readonly address: string;
  /** Hands over one event; resolves once the process is done with it, which is when it asks for the next or is gone. */
  run(event: unknown): Promise<Invocation>;
  /** The process is gone; whatever it had not answered has failed. */
  end(reason: string, errorType?: string): void;
}

interface Task {
  readonly requestId: string;
  readonly event: unknown;
  readonly startedAt: number;
  readonly coldStart: boolean;
  readonly resolve: (invocation: Invocation) => void;
  timer: NodeJS.Timeout;
  handed: boolean;
  result?: Invocation;
}

/** Serves the Runtime API on a free port of the loopback address, for one process. */
export async function startRuntimeApi(options: RuntimeApiOptions): Promise<RuntimeApi> {
  const { functionArn, timeoutMs, onIdle, onTimeout } = options;
  let task: Task | undefined;
  let waiting: ServerResponse | undefined;
  let events = 0;
  let ended: { readonly reason: string; readonly errorType: string } | undefined;

  function giveUp(): void {
    if (task === undefined || task.result !== undefined) return;
    task.result = { outcome: 'timedOut', ms: elapsed(task) };
    onTimeout();
  }

  function handOver(): void {
    if (waiting === undefined || task === undefined || task.handed) return;
    task.handed = true;
    clearTimeout(task.timer);
    task.timer = setTimeout(giveUp, timeoutMs);
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': task.requestId,
      'lambda-runtime-deadline-ms': String(Date.now() + timeoutMs),
      'lambda-runtime-invoked-function-arn': functionArn,
      'lambda-runtime-trace-id': traceId(),
    });
    waiting.end(JSON.stringify(task.event ?? null));
    waiting = undefined;
  }

  function finish(otherwise: (task: Task) => Invocation): void {
    if (task === undefined) return;
    const done = task;
    task = undefined;
    clearTimeout(done.timer);
    done.resolve(done.result ?? otherwise(done));
  }

  function serveNext(response: ServerResponse): void {
    if (task?.handed === true) {
      finish((done) => failure(done, 'Runtime.NoAnswer', 'the runtime asked for the next event'));
    }
    waiting = response;
    if (task === undefined) onIdle();
    else handOver();
  }

  async function takeAnswer(request: IncomingMessage, response: ServerResponse, answers: Task): Promise<void> {
    const body = await readCappedBody(request, MAX_PAYLOAD_BYTES);
    if (body.outcome === 'broken') return;
    // What comes after the time is up is nobody's answer.
    answers.result ??=
      body.outcome === 'too-large'
        ? failure(answers, 'Function.ResponseSizeTooLarge', `answer is larger than ${MAX_PAYLOAD_BYTES} bytes`)
        : toInvocation(answers, request.url?.endsWith('/response') === true, Buffer.from(body.bytes).toString('utf8'));
    reply(response, body.outcome === 'too-large' ? 413 : 202);
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = ROUTE.exec(request.url ?? '')?.groups;
    if (route === undefined) return reply(response, 404);
    if (route['next'] !== undefined) return serveNext(response);
    const answersCurrent = route['init'] === undefined ? task?.handed === true && route['id'] === task.requestId : true;
    if (task === undefined || !answersCurrent) return reply(response, 400);
    await takeAnswer(request, response, task);
  }

  const server = createServer((request, response) => void serve(request, response));
  // A process may work for minutes, or wait for its next event for longer.
  Object.assign(server, { requestTimeout: 0, keepAliveTimeout: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  return {
    address: `127.0.0.1:${port}`,
    run: (event) =>
      new Promise((resolve) => {
        const timer = setTimeout(giveUp, INIT_MS + timeoutMs);
        const facts = { requestId: randomUUID(), event, startedAt: performance.now(), coldStart: events === 0 };
        events += 1;
        task = { ...facts, resolve, timer, handed: false };
        const end = ended;
        if (end === undefined) handOver();
        else finish((done) => exited(done, end));
      }),
    end: (reason, errorType = 'Runtime.ExitError') => {
      const end = { reason, errorType };
      ended = end;
      finish((done) => exited(done, end));
      server.close();
      server.closeAllConnections();
    },
  };
}

function elapsed({ startedAt }: Task): number {
  return performance.now() - startedAt;
}

function failure(task: Task, errorType: string, message: string): Invocation {
  return { outcome: 'failed', errorType, message, ms: elapsed(task) };
}

function exited(
  task: Task,
  { reason, errorType }: { readonly reason: string; readonly errorType: string },
): Invocation {
  return failure(task, errorType, `RequestId: ${task.requestId} Error: ${reason}`);
}

function toInvocation(task: Task, succeeded: boolean, text: string): Invocation {
  const value = parseJson(text);
  if (value === undefined) {
    return failure(task, 'Runtime.InvalidAnswer', `answer of ${text.length} characters is not JSON`);
  }
  if (succeeded) return { outcome: 'answered', payload: value.json, ms: elapsed(task), coldStart: task.coldStart };
  const problem = RuntimeProblem.safeParse(value.json);
  if (!problem.success) return failure(task, 'Runtime.InvalidAnswer', 'error has no errorType and errorMessage');
  return failure(task, problem.data.errorType, problem.data.errorMessage);
}

function parseJson(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function reply(response: ServerResponse, status: number): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end('{"status":"OK"}');
}

/** As X-Ray's, sampled: what makes the tracer work. */
function traceId(): string {
  const seconds = Math.floor(Date.now() / 1000).toString(16);
  return `Root=1-${seconds}-${randomBytes(12).toString('hex')};Parent=${randomBytes(8).toString('hex')};Sampled=1`;
}
