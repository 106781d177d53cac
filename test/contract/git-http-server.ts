import { execFile, spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What goes wrong with the next answers: given the request, it may answer itself and return true. */
export type GitFault = (request: IncomingMessage, response: ServerResponse, body: Buffer) => boolean;

export interface GitHttpServer {
  readonly url: string;
  /** Requests so far: `GET /acme/fleet.git/info/refs`. */
  readonly requests: string[];
  fault: GitFault | undefined;
  /** Basic credentials that every request must bring; undefined lets everyone in. */
  credentials: { readonly username: string; readonly password: string } | undefined;
  /** A repository with one commit of these files on `main`; returns the commit. */
  commit(repository: string, files: Readonly<Record<string, GitContent>>, branch?: string): Promise<string>;
  git(repository: string, ...parameters: readonly string[]): Promise<string>;
  /** A tree object from the lines of `git ls-tree`; returns its id. */
  makeTree(repository: string, lines: readonly string[]): Promise<string>;
  /** Hands git's true answer to the fault, which may send a part of it. */
  backend(request: IncomingMessage, body: Buffer): Promise<Buffer>;
  stop(): Promise<void>;
}

export type GitContent = string | Uint8Array | { readonly executable: string } | { readonly link: string };

/** Real bare repositories behind `git http-backend`. */
export async function startGitHttpServer(): Promise<GitHttpServer> {
  const root = await mkdtemp(join(tmpdir(), 'tidegate-git-server-'));
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      answer(request, response, Buffer.concat(chunks)).catch((error: unknown) => response.destroy(error as Error));
    });
  });

  async function answer(request: IncomingMessage, response: ServerResponse, body: Buffer): Promise<void> {
    requests.push(`${request.method ?? ''} ${(request.url ?? '').split('?')[0] ?? ''}`);
    if (state.fault?.(request, response, body) === true) return;
    if (state.credentials !== undefined) {
      const { username, password } = state.credentials;
      const wanted = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
      if (request.headers.authorization !== wanted) {
        response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
        return;
      }
    }
    const { status, headers, content } = splitCgi(await backend(request, body));
    response.writeHead(status, headers).end(content);
  }

  function backend(request: IncomingMessage, body: Buffer): Promise<Buffer> {
    const url = new URL(request.url ?? '/', 'http://localhost');
    return new Promise((resolve, reject) => {
      const child = spawn('git', ['http-backend'], {
        env: {
          PATH: process.env['PATH'],
          GIT_PROJECT_ROOT: root,
          GIT_HTTP_EXPORT_ALL: '1',
          PATH_INFO: decodeURIComponent(url.pathname),
          QUERY_STRING: url.search.slice(1),
          REQUEST_METHOD: request.method,
          CONTENT_TYPE: request.headers['content-type'] ?? '',
          CONTENT_LENGTH: String(body.length),
          GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
        },
      });
      const chunks: Buffer[] = [];
      child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
      child.on('error', reject);
      child.on('close', () => resolve(Buffer.concat(chunks)));
      child.stdin.on('error', () => undefined);
      child.stdin.end(body);
    });
  }

  async function git(repository: string, ...parameters: readonly string[]): Promise<string> {
    const { stdout } = await run('git', ['-C', join(root, `${repository}.git`), ...parameters], {
      env: { PATH: process.env['PATH'], HOME: root, ...AUTHOR },
      maxBuffer: 256 * 1024 * 1024,
    });
    return stdout.trim();
  }

  async function makeTree(repository: string, lines: readonly string[]): Promise<string> {
    const child = run('git', ['-C', join(root, `${repository}.git`), 'mktree']);
    child.child.stdin?.end(lines.map((line) => `${line}\n`).join(''));
    return (await child).stdout.trim();
  }

  async function commit(
    repository: string,
    files: Readonly<Record<string, GitContent>>,
    branch = 'main',
  ): Promise<string> {
    const bare = join(root, `${repository}.git`);
    await mkdir(bare, { recursive: true });
    await git(repository, 'init', '-q', '--bare', '-b', 'main');
    const work = await mkdtemp(join(root, 'work-'));
    for (const [path, content] of Object.entries(files)) {
      await mkdir(dirname(join(work, path)), { recursive: true });
      if (typeof content === 'string' || content instanceof Uint8Array) {
        await writeFile(join(work, path), content);
      } else if ('link' in content) {
        await symlink(content.link, join(work, path));
      } else {
        await writeFile(join(work, path), content.executable);
        await chmod(join(work, path), 0o755);
      }
    }
    await git(repository, '--work-tree', work, 'read-tree', '--empty');
    await git(repository, '--work-tree', work, 'add', '-A', '-f', '.');
    const tree = await git(repository, 'write-tree');
    const parent = await git(repository, 'rev-parse', '-q', '--verify', `refs/heads/${branch}`).catch(() => '');
    const parents = parent === '' ? [] : ['-p', parent];
    const oid = await git(repository, 'commit-tree', tree, ...parents, '-m', 'Change');
    await git(repository, 'update-ref', `refs/heads/${branch}`, oid);
    await rm(work, { recursive: true });
    return oid;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const state: GitHttpServer = {
    url: `http://127.0.0.1:${port}`,
    requests,
    fault: undefined,
    credentials: undefined,
    commit,
    git,
    makeTree,
    backend,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(root, { recursive: true, force: true });
    },
  };
  return state;
}

const AUTHOR = {
  GIT_AUTHOR_NAME: 'Test',
  GIT_AUTHOR_EMAIL: 'test@example.com',
  GIT_COMMITTER_NAME: 'Test',
  GIT_COMMITTER_EMAIL: 'test@example.com',
};

/** Status, headers and body of what a CGI program wrote. */
export function splitCgi(output: Buffer): {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly content: Buffer;
} {
  const end = output.indexOf('\r\n\r\n');
  const headers: Record<string, string> = {};
  for (const line of output.toString('latin1', 0, Math.max(end, 0)).split('\r\n')) {
    const colon = line.indexOf(':');
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  const status = Number((headers['status'] ?? '200').slice(0, 3));
  delete headers['status'];
  return { status, headers, content: output.subarray(end + 4) };
}
