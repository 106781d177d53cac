/** What Lambda's own runtime does for a function of Node.js: it loads the handler and feeds it one event after the other. */
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

// An import of node:http reads all that it exports and so loads the whole of `fetch`, which no empty function pays for.
const { Agent, request } = process.getBuiltinModule('node:http');

interface Answer {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

type Handler = (event: unknown, context: unknown) => unknown;

const { AWS_LAMBDA_RUNTIME_API: api, LAMBDA_TASK_ROOT: taskRoot = '', _HANDLER: named = '' } = process.env;
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
/** What the process works on; until the first event it is starting. */
let current = 'init';

function call(method: 'GET' | 'POST', path: string, value?: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`http://${api}/2018-06-01/runtime/${path}`, { method, agent }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => (text += chunk));
      response.once('end', () => resolve({ headers: response.headers, text }));
      response.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(method === 'POST' ? JSON.stringify(value ?? null) : undefined);
  });
}

function describe(error: unknown, errorType?: string): unknown {
  if (!(error instanceof Error)) return { errorType: errorType ?? typeof error, errorMessage: String(error) };
  return { errorType: errorType ?? error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] };
}

async function leave(error: unknown, errorType: string | undefined, exitCode: number): Promise<never> {
  process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
  const path = current === 'init' ? 'init/error' : `invocation/${current}/error`;
  try {
    await call('POST', path, describe(error, errorType));
  } finally {
    process.exit(exitCode);
  }
}

async function loadHandler(): Promise<Handler> {
  const [file = '', name = ''] = named.split('.');
  const module: unknown = await import(pathToFileURL(join(taskRoot, `${file}.mjs`)).href);
  const handler: unknown = Object.entries(Object(module)).find(([key]) => key === name)?.[1];
  if (typeof handler !== 'function') throw new Error(`${named} is not exported as a function`);
  return (event, context) => Reflect.apply(handler, undefined, [event, context]);
}

function contextOf(requestId: string, headers: IncomingHttpHeaders): unknown {
  const deadline = Number(headers['lambda-runtime-deadline-ms']);
  return {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: process.env['AWS_LAMBDA_FUNCTION_NAME'],
    functionVersion: process.env['AWS_LAMBDA_FUNCTION_VERSION'],
    memoryLimitInMB: process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'],
    logGroupName: process.env['AWS_LAMBDA_LOG_GROUP_NAME'],
    logStreamName: process.env['AWS_LAMBDA_LOG_STREAM_NAME'],
    invokedFunctionArn: headers['lambda-runtime-invoked-function-arn'],
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
}

async function handleNext(handler: Handler): Promise<void> {
  const { headers, text } = await call('GET', 'invocation/next');
  const requestId = String(headers['lambda-runtime-aws-request-id']);
  current = requestId;
  process.env['_X_AMZN_TRACE_ID'] = String(headers['lambda-runtime-trace-id']);
  try {
    const payload = await handler(JSON.parse(text), contextOf(requestId, headers));
    await call('POST', `invocation/${requestId}/response`, payload);
  } catch (error) {
    await call('POST', `invocation/${requestId}/error`, describe(error));
  }
}

process.on('uncaughtException', (error) => void leave(error, undefined, 129));
process.on('unhandledRejection', (error) => void leave(error, 'Runtime.UnhandledPromiseRejection', 128));

try {
  const handler = await loadHandler();
  for (;;) await handleNext(handler);
} catch (error) {
  await leave(error, undefined, 1);
}
