import { fork } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { createGitHubClient, type GitHubClient } from '#shared/adapters/github/github-client.ts';
import type { RepositoryId } from '#shared/ports/change-host.ts';

import { collectingLogger } from './github-for-tests.ts';

/** The third-party emulator of GitHub, in a process of its own, with two private repositories. */
export interface RunningEmulate {
  /** Us as an App. */
  readonly client: GitHubClient;
  /** A person who may do everything. */
  readonly person: GitHubClient;
  readonly repository: RepositoryId;
  readonly otherRepository: RepositoryId;
  readonly close: () => Promise<void>;
}

const READY_WITHIN_MS = 30_000;
const PERSON_TOKEN = 'ghp_alice';
const startRecords = z.object({ url: z.url() });

/** Starts `emulate` on a free port of 127.0.0.1. */
export async function startEmulate(): Promise<RunningEmulate> {
  const { privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
  const child = fork(join(import.meta.dirname, 'serve-emulate.ts'), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    execArgv: [],
    env: { PATH: process.env['PATH'] ?? '' },
  });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-4_000);
  });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.send(seedOf(privateKey));
  const apiUrl = await new Promise<string>((resolve, reject) => {
    const fail = (): void => reject(new Error(`emulate did not start: ${complaints.trim() || 'it said nothing'}`));
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, READY_WITHIN_MS);
    child.once('exit', fail);
    child.once('message', (message) => {
      clearTimeout(timer);
      child.off('exit', fail);
      // It names itself localhost, which may be ::1, and listens on 127.0.0.1 alone.
      resolve(startRecords.parse(message).url.replace('//localhost:', '//127.0.0.1:'));
    });
  });
  const options = { version: '0.0.0-test', log: collectingLogger(), retries: 0 };
  return {
    client: createGitHubClient({
      clock: systemClock,
      ...options,
      settings: { apiUrl, appId: 1, privateKeySecret: 'key' },
      secrets: { read: () => Promise.resolve(privateKey) },
    }),
    person: createGitHubClient({
      clock: systemClock,
      ...options,
      settings: { apiUrl, tokenSecret: 'token' },
      secrets: { read: () => Promise.resolve(PERSON_TOKEN) },
    }),
    repository: { owner: 'acme', name: 'fleet' },
    otherRepository: { owner: 'acme', name: 'other' },
    async close() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

function seedOf(privateKey: string) {
  const permissions = { contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' };
  return {
    tokens: { [PERSON_TOKEN]: { login: 'alice', scopes: ['repo'] } },
    github: {
      users: [{ login: 'alice' }],
      orgs: [{ login: 'acme', members: [{ login: 'alice', role: 'admin' }] }],
      repos: ['fleet', 'other'].map((name) => ({ owner: 'acme', name, private: true })),
      apps: [
        {
          app_id: 1,
          slug: 'tidegate',
          name: 'tidegate',
          private_key: privateKey,
          permissions,
          installations: [{ installation_id: 1, account: 'acme', repository_selection: 'all' }],
        },
      ],
    },
  };
}
