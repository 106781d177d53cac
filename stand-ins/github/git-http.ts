import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import path from 'node:path';

import { authenticate } from './authenticate.ts';
import { changeRefs } from './change-refs.ts';
import type { Actor, Core } from './core.ts';
import { actingAccount } from './core.ts';
import { permitRepository } from './permit.ts';
import { notFound, Problem } from './problem.ts';
import { gitEnvironment } from './run-git.ts';
import type { Repository } from './state.ts';

/** A request of git's smart HTTP protocol. */
export type GitRequest = {
  readonly owner: string;
  readonly name: string;
  readonly rest: '/info/refs' | '/git-upload-pack' | '/git-receive-pack';
  readonly service: 'git-upload-pack' | 'git-receive-pack';
  readonly query: string;
};

/** Recognizes a request of git's smart HTTP protocol. */
export function parseGitRequest(url: URL): GitRequest | null {
  const match = /^\/([^/]+)\/([^/]+?)(?:\.git)?(\/info\/refs|\/git-upload-pack|\/git-receive-pack)$/.exec(url.pathname);
  const [, owner, name, rest] = match ?? [];
  if (owner === undefined || name === undefined) return null;
  if (rest !== '/info/refs' && rest !== '/git-upload-pack' && rest !== '/git-receive-pack') return null;
  const service = rest === '/info/refs' ? url.searchParams.get('service') : rest.slice(1);
  if (service !== 'git-upload-pack' && service !== 'git-receive-pack') return null;
  return { owner, name, rest, service, query: url.search.slice(1) };
}

function permit(core: Core, request: GitRequest, header: string | undefined): { actor: Actor; repository: Repository } {
  const level = request.service === 'git-receive-pack' ? 'write' : 'read';
  const actor = authenticate(core, header);
  try {
    return { actor, repository: permitRepository(core, actor, request.owner, request.name, [{ contents: level }]) };
  } catch (error) {
    // git asks without credentials first and needs the challenge, also for what it may not know of.
    if (actor.kind === 'anonymous') throw new Problem(401, 'Requires authentication');
    throw error instanceof Problem ? error : notFound();
  }
}

/** The headers and the beginning of the body in what a CGI program wrote first. */
function parseCgi(head: string): { readonly status: number; readonly headers: Record<string, string> } {
  const headers: Record<string, string> = {};
  let status = 200;
  for (const line of head.split('\r\n')) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'status') status = Number(value.slice(0, 3));
    else if (name !== '') headers[name] = value;
  }
  return { status, headers };
}

function runBackend(
  core: Core,
  git: GitRequest,
  repository: Repository,
  user: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const child = spawn('git', ['http-backend'], {
    env: gitEnvironment({
      GIT_PROJECT_ROOT: path.join(core.root, 'repositories'),
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: header('git-protocol'),
      PATH_INFO: `/${repository.owner}/${repository.name}.git${git.rest}`,
      QUERY_STRING: git.query,
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: header('content-type'),
      CONTENT_LENGTH: header('content-length'),
      HTTP_CONTENT_ENCODING: header('content-encoding'),
      REMOTE_USER: user,
      REMOTE_ADDR: '127.0.0.1',
    }),
  });
  request.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  child.stderr.resume();
  return new Promise((resolve, reject) => {
    let head: Buffer | null = Buffer.alloc(0);
    child.stdout.on('data', (chunk: Buffer) => {
      if (head === null) {
        if (!response.write(chunk)) {
          child.stdout.pause();
          response.once('drain', () => child.stdout.resume());
        }
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const { status, headers } = parseCgi(head.subarray(0, end).toString());
      response.writeHead(status, headers);
      response.write(head.subarray(end + 4));
      head = null;
    });
    child.on('error', reject);
    response.on('close', () => child.kill());
    child.on('close', () => {
      if (head !== null) response.writeHead(500);
      resolve();
    });
  });
}

/** Answers a clone, fetch or push through git's own HTTP backend; a push is told like any other change of refs. */
export async function serveGit(
  core: Core,
  git: GitRequest,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { actor, repository } = permit(core, git, request.headers.authorization);
  if (`${repository.owner}/${repository.name}`.toLowerCase() !== `${git.owner}/${git.name}`.toLowerCase()) {
    const location = `${core.url}/${repository.owner}/${repository.name}.git${git.rest}${git.query === '' ? '' : `?${git.query}`}`;
    throw new Problem(301, 'Moved Permanently', {}, { location });
  }
  const user = actor.kind === 'anonymous' ? '' : actingAccount(core, actor).login;
  const run = (): Promise<void> => runBackend(core, git, repository, user, request, response);
  if (git.rest === '/git-receive-pack') await changeRefs(core, repository, actingAccount(core, actor), run);
  else await run();
}
