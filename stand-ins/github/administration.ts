import { mergeWhatIsReady } from './auto-merge.ts';
import { tellPull } from './close-pull.ts';
import type { Core } from './core.ts';
import { findRepository, timestamp } from './core.ts';
import { ensureAccount } from './create-app.ts';
import { judgeMerge } from './judge-merge.ts';
import { dequeuePull, enqueuePull, mergeQueued } from './merge-queue.ts';
import { renameBranch, renameRepository } from './rename.ts';
import type { BranchRule, Pull, Repository } from './state.ts';

/** What the settings of a repository say. */
export type RepositorySettings = {
  readonly archived?: boolean;
  readonly deleteBranchOnMerge?: boolean;
  readonly rules?: readonly BranchRule[];
};

/** What owners of repositories and reviewers do on GitHub's pages. */
export type Administration = {
  readonly setRepository: (repository: string, settings: RepositorySettings) => void;
  /** Renames a repository, or hands it over to another owner. */
  readonly renameRepository: (repository: string, fullName: string) => Promise<void>;
  readonly renameBranch: (repository: string, from: string, to: string, by: string) => Promise<void>;
  /** Suspends the installations of an App on an account, or lets them go on. */
  readonly suspend: (app: string, account: string, suspended?: boolean) => void;
  readonly approve: (repository: string, number: number, by: string) => Promise<void>;
  readonly setDraft: (repository: string, number: number, draft: boolean, by: string) => Promise<void>;
  readonly enableAutoMerge: (
    repository: string,
    number: number,
    by: string,
    method?: 'merge' | 'squash',
  ) => Promise<void>;
  readonly enqueue: (repository: string, number: number, by: string) => Promise<void>;
  readonly dequeue: (repository: string, number: number, by: string) => Promise<void>;
  /** Merges what waits in the queue of a branch, as its checks pass; the numbers of what was merged. */
  readonly mergeQueued: (repository: string, branch: string) => Promise<readonly number[]>;
};

function repositoryNamed(core: Core, fullName: string): Repository {
  const [owner = '', name = ''] = fullName.split('/');
  const found = findRepository(core, owner, name);
  if (found === undefined) throw new Error(`repository ${fullName} does not exist on this GitHub`);
  return found;
}

function openPull(core: Core, fullName: string, number: number): { repository: Repository; pull: Pull } {
  const repository = repositoryNamed(core, fullName);
  const pull = core.state.pulls.find((one) => one.repositoryId === repository.id && one.number === number);
  if (pull?.state !== 'open') throw new Error(`${fullName} has no open pull request ${number}`);
  return { repository, pull };
}

/** What administrators and reviewers do on one GitHub. */
export function makeAdministration(core: Core): Administration {
  return {
    setRepository: (repository, settings) => {
      Object.assign(repositoryNamed(core, repository), settings);
      void core.save();
    },
    renameRepository: (repository, fullName) => {
      const [owner = '', name = ''] = fullName.split('/');
      ensureAccount(core, owner, 'Organization');
      return renameRepository(core, repositoryNamed(core, repository), owner, name);
    },
    renameBranch: (repository, from, to, by) =>
      renameBranch(core, repositoryNamed(core, repository), ensureAccount(core, by), from, to),
    suspend: (slug, account, suspended = true) => {
      const app = core.state.apps.find((one) => one.slug === slug);
      for (const installation of core.state.installations) {
        if (installation.appId !== app?.id || installation.account !== account) continue;
        installation.suspendedAt = suspended ? timestamp(core) : null;
      }
      void core.save();
    },
    approve: async (fullName, number, by) => {
      const { repository, pull } = openPull(core, fullName, number);
      pull.approvals = [...new Set([...pull.approvals, ensureAccount(core, by).login])];
      pull.updatedAt = timestamp(core);
      await mergeWhatIsReady(core, repository);
      await core.save();
    },
    setDraft: async (fullName, number, draft, by) => {
      const { repository, pull } = openPull(core, fullName, number);
      pull.draft = draft;
      pull.updatedAt = timestamp(core);
      const action = draft ? 'converted_to_draft' : 'ready_for_review';
      await tellPull(core, repository, ensureAccount(core, by), pull, action);
      await mergeWhatIsReady(core, repository);
      await core.save();
    },
    enableAutoMerge: async (fullName, number, by, method = 'merge') => {
      const { repository, pull } = openPull(core, fullName, number);
      // GitHub offers it only while there is something to wait for.
      const state = await judgeMerge(core, repository, pull);
      if (state === 'clean') throw new Error(`Pull request is in ${state} status`);
      pull.autoMerge = { by: ensureAccount(core, by).login, method };
      pull.updatedAt = timestamp(core);
      await tellPull(core, repository, ensureAccount(core, by), pull, 'auto_merge_enabled');
      await core.save();
    },
    enqueue: (fullName, number, by) => {
      const { repository, pull } = openPull(core, fullName, number);
      return enqueuePull(core, repository, ensureAccount(core, by), pull);
    },
    dequeue: (fullName, number, by) => {
      const { repository, pull } = openPull(core, fullName, number);
      return dequeuePull(core, repository, ensureAccount(core, by), pull);
    },
    mergeQueued: (fullName, branch) => mergeQueued(core, repositoryNamed(core, fullName), branch),
  };
}
