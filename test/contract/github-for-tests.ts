import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import {
  createGitHubClient,
  type GitHubClient,
  type GitHubClientOptions,
} from '#shared/adapters/github/github-client.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import { startGitHub, type RunningGitHub } from '#stand-ins/github/start-github.ts';

/** A GitHub of its own for one test file, and us on it as an App. */
export interface GitHubForTests {
  readonly github: RunningGitHub;
  readonly client: GitHubClient;
  /** What `client` was made with. */
  readonly clientOptions: GitHubClientOptions;
  /** As `client`, with the pauses that github.com asks for. */
  readonly pacedClient: GitHubClient;
  readonly secrets: Secrets;
  readonly createRepository: (files: Readonly<Record<string, string>>) => Promise<RepositoryId>;
}

const PATIENCE_MS = [5, 5, 5, 5, 5];

/** Octokit shares requests for tokens between all servers of a process, by names and numbers; these are told apart by names. */
let servers = 0;

/** Keeps what is logged; nothing of it is printed. */
export function collectingLogger(lines: string[] = []): Logger {
  const write = (message: string, fields?: Readonly<Record<string, unknown>>): void => {
    lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
  };
  return { debug: write, info: write, warn: write, error: write, child: () => collectingLogger(lines) };
}

/** Starts a GitHub with an App of ours that may write contents, pull requests and statuses, and the person `alice`. */
export async function startGitHubForTests(options: { readonly retries?: number } = {}): Promise<GitHubForTests> {
  const github = await startGitHub();
  github.createUser({ login: 'acme', type: 'Organization' });
  github.createUser({ login: 'alice' });
  const app = github.createApp({
    slug: 'tidegate',
    permissions: { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' },
  });
  github.install({ app: 'tidegate', account: 'acme' });
  const secrets: Secrets = {
    read: (name) => Promise.resolve(name === 'github-private-key' ? app.privateKey : undefined),
  };
  const clientOptions = {
    settings: { apiUrl: github.apiUrl, appId: app.id, privateKeySecret: 'github-private-key' },
    secrets,
    version: '0.0.0-test',
    log: collectingLogger(),
    // As often as in earnest, but sooner.
    patienceMs: PATIENCE_MS,
    clock: systemClock,
    ...options,
  };
  const client = createGitHubClient(clientOptions);
  const pacedClient = createGitHubClient({ ...clientOptions, paceWrites: true });
  servers += 1;
  const server = servers;
  let count = 0;
  return {
    github,
    client,
    clientOptions,
    pacedClient,
    secrets,
    async createRepository(files) {
      count += 1;
      const name = `fleet-${server}-${count}`;
      await github.createRepository({ owner: 'acme', name, files, private: true });
      return { owner: 'acme', name };
    },
  };
}
