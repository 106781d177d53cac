import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';

import { changeRefs, lockRepository } from './change-refs.ts';
import { walkCommits } from './commit-graph.ts';
import type { Core } from './core.ts';
import { findRepository, gitDirectory, nextId, timestamp } from './core.ts';
import type { NewApp } from './create-app.ts';
import { createApp, ensureAccount, hookConfig } from './create-app.ts';
import type { Commit } from './git-objects.ts';
import { readCommit, writeBlob, writeCommit } from './git-objects.ts';
import { initRepository, listRefs, readRef, updateRefs } from './git-refs.ts';
import { readTreeFile, writeTree } from './git-trees.ts';
import { mergeBranch, mergePull, personOf } from './merge-pull.ts';
import { Problem } from './problem.ts';
import { reopenPull } from './reopen-pull.ts';
import { gitLines } from './run-git.ts';
import type {
  Account,
  App,
  Delivery,
  HookConfig,
  Installation,
  Permissions,
  Pull,
  Repository,
  Status,
  Token,
} from './state.ts';
import { untouchedRepository } from './state.ts';

/** Files by path; null takes a file away. */
export type FileMap = Readonly<Record<string, string | Buffer | null>>;

/** What tests and the demo do to this GitHub as its users and administrators. */
export type GitHubAdminApi = {
  readonly createUser: (user: { login: string; name?: string; type?: Account['type'] }) => Account;
  readonly createToken: (user: { login: string; repositories?: readonly string[] }) => string;
  readonly createRepository: (wanted: {
    owner: string;
    name: string;
    files?: FileMap;
    private?: boolean;
    defaultBranch?: string;
  }) => Promise<Repository>;
  /** Takes a repository away with everything in it. */
  readonly deleteRepository: (repository: string) => Promise<void>;
  readonly commitFiles: (
    repository: string,
    branch: string,
    files: FileMap,
    message: string,
    author: string,
  ) => Promise<string>;
  readonly readFile: (repository: string, ref: string, file: string) => Promise<string | null>;
  readonly head: (repository: string, branch: string) => Promise<string | null>;
  readonly createApp: (wanted: NewApp) => App;
  readonly setAppHook: (slug: string, hook: (Pick<HookConfig, 'url'> & { readonly secret?: string }) | null) => void;
  readonly install: (wanted: {
    app: string;
    account: string;
    repositories?: readonly string[];
    permissions?: Permissions;
  }) => Installation;
  readonly addHook: (repository: string, hook: { url: string; secret?: string; events?: string[] }) => number;
  readonly mergePull: (repository: string, number: number, by: string, method?: 'merge' | 'squash') => Promise<string>;
  /** What the button "Reopen" does; false where it is gray. */
  readonly reopenPull: (repository: string, number: number, by: string) => Promise<boolean>;
  /** What the button "Update branch" does: merges the base into the branch of a pull request. */
  readonly updateBranch: (repository: string, number: number, by: string) => Promise<void>;
  /** The commits that revisions hold, newest first, as `git log` finds them. */
  readonly log: (
    repository: string,
    revisions: readonly string[],
  ) => Promise<readonly { readonly sha: string; readonly message: string }[]>;
  readonly pulls: (repository: string) => readonly Pull[];
  readonly statuses: (repository: string, sha: string) => readonly Status[];
  readonly deliveries: (event?: string) => readonly Delivery[];
};

function repositoryNamed(core: Core, fullName: string): Repository {
  const [owner = '', name = ''] = fullName.split('/');
  const found = findRepository(core, owner, name);
  if (found === undefined) throw new Error(`repository ${fullName} does not exist on this GitHub`);
  return found;
}

function pullNumbered(core: Core, repository: string, number: number): { found: Repository; pull: Pull } {
  const found = repositoryNamed(core, repository);
  const pull = core.state.pulls.find((one) => one.repositoryId === found.id && one.number === number);
  if (pull === undefined) throw new Error(`${repository} has no pull request ${number}`);
  return { found, pull };
}

async function commitFiles(
  core: Core,
  repository: Repository,
  branch: string,
  files: FileMap,
  message: string,
  author: Account,
): Promise<string> {
  const directory = gitDirectory(core, repository);
  return await changeRefs(core, repository, author, async () => {
    const ref = await readRef(directory, `refs/heads/${branch}`);
    const start = ref ?? (await readRef(directory, `refs/heads/${repository.defaultBranch}`));
    const changes = await Promise.all(
      Object.entries(files).map(async ([file, content]) => {
        return { path: file, mode: '100644', sha: content === null ? null : await writeBlob(directory, content) };
      }),
    );
    const tree = await writeTree(directory, start === null ? null : `${start.sha}^{tree}`, changes);
    const person = personOf(core, author);
    const parents = start === null ? [] : [start.sha];
    const sha = await writeCommit(directory, {
      tree,
      parents,
      author: person,
      committer: person,
      message: `${message}\n`,
    });
    const refused = await updateRefs(directory, [
      { name: `refs/heads/${branch}`, after: sha, before: ref?.sha ?? null },
    ]);
    if (refused !== null) throw new Error(`branch ${branch} cannot be moved to ${sha}: ${refused}`);
    return sha;
  });
}

async function createRepository(
  core: Core,
  wanted: Parameters<GitHubAdminApi['createRepository']>[0],
): Promise<Repository> {
  const owner = ensureAccount(core, wanted.owner, 'Organization');
  if (findRepository(core, owner.login, wanted.name) !== undefined) {
    throw new Error(`repository ${owner.login}/${wanted.name} exists already on this GitHub`);
  }
  const now = timestamp(core);
  const repository: Repository = {
    id: nextId(core),
    owner: owner.login,
    name: wanted.name,
    private: wanted.private ?? false,
    defaultBranch: wanted.defaultBranch ?? 'main',
    createdAt: now,
    pushedAt: now,
    nextNumber: 1,
    ...untouchedRepository(),
  };
  const directory = gitDirectory(core, repository);
  await mkdir(path.dirname(directory), { recursive: true });
  await initRepository(directory, repository.defaultBranch);
  core.state.repositories.push(repository);
  const files = wanted.files ?? {};
  if (Object.keys(files).length > 0) {
    await commitFiles(core, repository, repository.defaultBranch, files, 'Initial commit', owner);
  }
  await core.save();
  return repository;
}

/** Walks from branches, pull requests and everything (`--all`); null for other expressions, which only git knows. */
async function walkRevisions(directory: string, revisions: readonly string[]): Promise<readonly Commit[] | null> {
  const starts: string[] = [];
  for (const revision of revisions) {
    const refs = revision === '--all' ? await listRefs(directory, ['refs']) : null;
    const named = await readRef(directory, revision.startsWith('refs/') ? revision : `refs/heads/${revision}`);
    if (refs === null && named === null) return null;
    starts.push(...(refs ?? (named === null ? [] : [named])).map(({ sha }) => sha));
  }
  return await walkCommits(directory, starts);
}

/** The first paragraph of a message on one line, as git's `%s`. */
function subjectOf(message: string): string {
  const [first = ''] = message.replace(/^\s*\n/u, '').split(/\n\s*\n/u);
  return first.trimEnd().replaceAll('\n', ' ');
}

async function deleteRepository(core: Core, repository: Repository): Promise<void> {
  const { state } = core;
  const isOther = ({ repositoryId }: { readonly repositoryId: number }): boolean => repositoryId !== repository.id;
  state.repositories = state.repositories.filter(({ id }) => id !== repository.id);
  state.pulls = state.pulls.filter(isOther);
  state.comments = state.comments.filter(isOther);
  state.statuses = state.statuses.filter(isOther);
  state.hooks = state.hooks.filter(isOther);
  const isOnly = (ids: Token['repositoryIds']): boolean => ids !== 'all' && ids.every((id) => id === repository.id);
  state.tokens = state.tokens.filter(({ repositoryIds }) => !isOnly(repositoryIds));
  core.locks.delete(repository.id);
  await rm(gitDirectory(core, repository), { recursive: true, force: true });
  await core.save();
}

function appNamed(core: Core, slug: string): App {
  const app = core.state.apps.find((one) => one.slug === slug);
  if (app === undefined) throw new Error(`App ${slug} does not exist on this GitHub`);
  return app;
}

function install(core: Core, wanted: Parameters<GitHubAdminApi['install']>[0]): Installation {
  const app = appNamed(core, wanted.app);
  const account = ensureAccount(core, wanted.account, 'Organization');
  const repositoryIds = wanted.repositories?.map((name) => repositoryNamed(core, name).id) ?? 'all';
  const installation: Installation = {
    id: nextId(core),
    appId: app.id,
    account: account.login,
    createdAt: timestamp(core),
    repositoryIds,
    permissions: wanted.permissions ?? app.permissions,
    suspendedAt: null,
  };
  core.state.installations.push(installation);
  return installation;
}

/** What an administrator and the tests do to one GitHub. */
export function createAdminApi(core: Core): GitHubAdminApi {
  /** Callers that do not wait for the write still get it: the next write and `close` include the change. */
  const saved = <T>(value: T): T => {
    void core.save();
    return value;
  };
  return {
    createUser: ({ login, name, type }) => saved(ensureAccount(core, login, type, name)),
    createToken: ({ login, repositories }) => {
      const token = `ghp_${randomBytes(18).toString('hex')}`;
      const repositoryIds = repositories?.map((name) => repositoryNamed(core, name).id) ?? 'all';
      core.state.tokens.push({ kind: 'user', token, login: ensureAccount(core, login).login, repositoryIds });
      return saved(token);
    },
    createRepository: (wanted) => createRepository(core, wanted),
    deleteRepository: (repository) => deleteRepository(core, repositoryNamed(core, repository)),
    commitFiles: (repository, branch, files, message, author) =>
      commitFiles(core, repositoryNamed(core, repository), branch, files, message, ensureAccount(core, author)),
    readFile: async (repository, ref, file) => {
      const directory = gitDirectory(core, repositoryNamed(core, repository));
      const name = ref.startsWith('refs/') ? ref : `refs/heads/${ref}`;
      const commit = await readCommit(directory, (await readRef(directory, name))?.sha ?? ref);
      return commit === null ? null : ((await readTreeFile(directory, commit.tree, file))?.toString() ?? null);
    },
    head: async (repository, branch) => {
      const directory = gitDirectory(core, repositoryNamed(core, repository));
      return (await readRef(directory, `refs/heads/${branch}`))?.sha ?? null;
    },
    createApp: (wanted) => saved(createApp(core, wanted)),
    setAppHook: (slug, hook) => {
      appNamed(core, slug).hook = hook === null ? null : hookConfig(hook);
      void core.save();
    },
    install: (wanted) => saved(install(core, wanted)),
    addHook: (repository, hook) => {
      const now = timestamp(core);
      const id = nextId(core);
      core.state.hooks.push({
        id,
        repositoryId: repositoryNamed(core, repository).id,
        createdAt: now,
        updatedAt: now,
        active: true,
        events: hook.events ?? ['push', 'pull_request'],
        config: hookConfig(hook),
        lastResponse: { code: null, status: 'unused', message: null },
      });
      return saved(id);
    },
    mergePull: (repository, number, by, method = 'merge') => {
      const { found, pull } = pullNumbered(core, repository, number);
      return mergePull(core, found, ensureAccount(core, by), pull, { method, isBound: false });
    },
    reopenPull: async (repository, number, by) => {
      const { found, pull } = pullNumbered(core, repository, number);
      try {
        await lockRepository(core, found, () => reopenPull(core, found, ensureAccount(core, by), pull));
        return true;
      } catch (error) {
        if (error instanceof Problem) return false;
        throw error;
      }
    },
    updateBranch: async (repository, number, by) => {
      const { found, pull } = pullNumbered(core, repository, number);
      const base = (await readRef(gitDirectory(core, found), `refs/heads/${pull.base}`))?.sha ?? '';
      const message = `Merge branch '${pull.base}' into ${pull.head}`;
      await mergeBranch(core, found, ensureAccount(core, by), { base: pull.head, head: base, message, isBound: false });
    },
    log: async (repository, revisions) => {
      const directory = gitDirectory(core, repositoryNamed(core, repository));
      const walked = await walkRevisions(directory, revisions);
      if (walked !== null) return walked.map(({ sha, message }) => ({ sha, message: subjectOf(message) }));
      const lines = await gitLines(directory, ['log', '--format=%H %s', ...revisions]);
      return lines.map((line) => ({ sha: line.slice(0, 40), message: line.slice(41) }));
    },
    pulls: (repository) => {
      const { id } = repositoryNamed(core, repository);
      return core.state.pulls.filter((one) => one.repositoryId === id);
    },
    statuses: (repository, sha) => {
      const { id } = repositoryNamed(core, repository);
      return core.state.statuses.filter((one) => one.repositoryId === id && one.sha === sha);
    },
    deliveries: (event) => core.state.deliveries.filter((one) => event === undefined || one.event === event),
  };
}
