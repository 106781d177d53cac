import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { GitHubOptions, RunningGitHub } from '#stand-ins/github/start-github.ts';
import { startGitHub } from '#stand-ins/github/start-github.ts';
import type { App, Installation, Permissions } from '#stand-ins/github/state.ts';

/** The repository that the suites of the stand-in work on. */
export const FLEET = { owner: 'acme', repo: 'fleet' } as const;

const PERMISSIONS: Permissions = {
  contents: 'write',
  pull_requests: 'write',
  repository_hooks: 'write',
  statuses: 'write',
  checks: 'write',
  deployments: 'write',
};

/** A GitHub with one App installed on acme, two repositories of acme, and a client that acts as the App. */
export type Fixture = {
  readonly github: RunningGitHub;
  readonly app: App;
  readonly installation: Installation;
  readonly octokit: Octokit;
  readonly asApp: Octokit;
};

/** A client that acts as this user would. */
export function asUser(github: RunningGitHub, login: string): Octokit {
  return new Octokit({ baseUrl: github.apiUrl, auth: github.createToken({ login }) });
}

/** Starts a GitHub that holds what the suites need. */
export async function startFixture(options: GitHubOptions = {}): Promise<Fixture> {
  const github = await startGitHub(options);
  const files = { 'app.yaml': 'image: app:1\n', 'docs/readme.md': '# fleet\n', 'other.yaml': 'a: 1\n' };
  await github.createRepository({ owner: 'acme', name: 'fleet', private: true, files });
  await github.createRepository({ owner: 'acme', name: 'secrets', private: true, files: { 'a.txt': 'a\n' } });
  await github.createRepository({ owner: 'acme', name: 'open', files: { 'a.txt': 'a\n' } });
  const app = github.createApp({ slug: 'tidegate', permissions: PERMISSIONS });
  const installation = github.install({ app: 'tidegate', account: 'acme' });
  const auth = { appId: app.id, privateKey: app.privateKey };
  const client = { baseUrl: github.apiUrl, authStrategy: createAppAuth };
  return {
    github,
    app,
    installation,
    octokit: new Octokit({ ...client, auth: { ...auth, installationId: installation.id } }),
    asApp: new Octokit({ ...client, auth }),
  };
}

/** Opens a pull request that changes files, and answers its number. */
export async function openPull(
  { github, octokit }: Pick<Fixture, 'github' | 'octokit'>,
  branch: string,
  files: Readonly<Record<string, string>>,
): Promise<number> {
  await github.commitFiles('acme/fleet', branch, files, `Change ${branch}`, 'mona');
  const pull = await octokit.request('POST /repos/{owner}/{repo}/pulls', {
    ...FLEET,
    title: `Change ${branch}`,
    head: branch,
    base: 'main',
  });
  return pull.data.number;
}

/** The status and message with which a request was refused; fails when it was not. */
export async function refusal(request: Promise<unknown>): Promise<{ status: number; message: string }> {
  try {
    await request;
  } catch (error) {
    if (error instanceof Error && 'status' in error) return { status: Number(error.status), message: error.message };
    throw error;
  }
  throw new Error('the request was not refused');
}

/** One call that a webhook receiver got. */
export type Received = { readonly headers: Readonly<Record<string, string>>; readonly body: string };

/** An HTTP server that notes every webhook it gets. */
export type Receiver = {
  readonly url: string;
  readonly received: Received[];
  readonly close: () => Promise<void>;
};

/** Starts a webhook receiver that answers with the status that `answer` gives. */
export async function startReceiver(answer: () => number = () => 202): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
      received.push({ headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(answer()).end('noted');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    received,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
