import type { ChangeHost, ChangeRequest } from '#shared/ports/change-host.ts';

import type { ImageUpdate, PlannedCommit } from './plan-image-update.ts';
import type { Checkout } from './resolve-checkout.ts';

/** What came of an update. */
export type ImageUpdateResult =
  | { readonly outcome: 'nothing-to-do' }
  | { readonly outcome: 'left-alone'; readonly branch: string; readonly changeRequest?: ChangeRequest }
  | { readonly outcome: 'already-proposed'; readonly changeRequest: ChangeRequest }
  | {
      readonly outcome: 'proposed';
      readonly changeRequest: ChangeRequest;
      readonly opened: boolean;
      readonly commit?: string;
    }
  | { readonly outcome: 'withdrawn'; readonly changeRequest: ChangeRequest }
  | { readonly outcome: 'pushed'; readonly branch: string; readonly commit: string }
  /** The branch moved after it was observed; the next run looks again. */
  | { readonly outcome: 'overtaken'; readonly branch: string };

/**
 * Carries out a plan: commit, then branch, then pull request. Ended between any two of these, it leaves a commit on no branch
 * or a branch without a pull request, which the next run's plan finds and finishes.
 */
export async function executeImageUpdate(
  host: ChangeHost,
  checkout: Checkout,
  update: ImageUpdate,
): Promise<ImageUpdateResult> {
  const { repository, base, branch } = checkout;
  switch (update.action) {
    case 'none':
      return { outcome: 'nothing-to-do' };
    case 'leave': {
      const { changeRequest } = update;
      return {
        outcome: 'left-alone',
        branch: update.branch,
        ...(changeRequest === undefined ? {} : { changeRequest }),
      };
    }
    case 'keep':
      return { outcome: 'already-proposed', changeRequest: update.changeRequest };
    case 'withdraw': {
      const { changeRequest, body, branchHead } = update;
      // The word "superseded" first: closed without it, it would read as a person's no. Then the branch, which somebody may
      // have moved meanwhile, and whose end closes the pull request on GitHub already.
      await host.updateChangeRequest(repository, changeRequest.number, { body });
      const moved = await host.moveBranch(repository, { branch, from: branchHead, to: undefined });
      if (moved === 'conflict') return { outcome: 'overtaken', branch };
      await host.updateChangeRequest(repository, changeRequest.number, { state: 'closed' });
      return { outcome: 'withdrawn', changeRequest };
    }
    case 'push': {
      const commit = await writeCommit(host, checkout, update.commit);
      return commit === undefined ? { outcome: 'overtaken', branch } : { outcome: 'pushed', branch, commit };
    }
    case 'propose': {
      const commit = update.commit === undefined ? undefined : await writeCommit(host, checkout, update.commit);
      if (update.commit !== undefined && commit === undefined) return { outcome: 'overtaken', branch };
      const written = commit === undefined ? {} : { commit };
      if (update.changeRequest !== undefined) {
        await host.updateChangeRequest(repository, update.changeRequest.number, update.text);
        return { outcome: 'proposed', changeRequest: update.changeRequest, opened: false, ...written };
      }
      const changeRequest = await host.openChangeRequest(repository, { head: branch, base, ...update.text });
      return { outcome: 'proposed', changeRequest, opened: true, ...written };
    }
  }
}

async function writeCommit(host: ChangeHost, checkout: Checkout, commit: PlannedCommit): Promise<string | undefined> {
  const oid = await host.createCommit(checkout.repository, {
    parent: commit.parent,
    message: commit.message,
    files: commit.files.map(({ file, content, executable }) => ({ path: file, content, executable })),
  });
  const moved = await host.moveBranch(checkout.repository, { branch: commit.branch, from: commit.branchFrom, to: oid });
  return moved === 'moved' ? oid : undefined;
}
