import type { ImageUpdateAutomation } from '#shared/api/image-update-automation.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { ChangeHost, ChangeRequest } from '#shared/ports/change-host.ts';
import type { GitRemote } from '#shared/ports/git-remote.ts';
import type { SourceCredentials } from '#shared/ports/source-credentials.ts';
import type { SourceTree } from '#shared/ports/source-tree.ts';

import type { PolicyCandidates } from './choose-values.ts';
import type { Checkout } from './resolve-checkout.ts';

export interface BranchCommit {
  readonly oid: string;
  readonly message: string;
  readonly ours: boolean;
}

/** Everything that the plan of one automation is made from. */
export interface ObservedAutomation {
  readonly cluster: string;
  readonly automation: ImageUpdateAutomation;
  readonly checkout: Checkout;
  readonly candidates: readonly PolicyCandidates[];
  /** Policies of the automation that choose nothing at the moment: suspended, unreadable, without a match. */
  readonly undecidedPolicies: readonly string[];
  readonly baseHead: string;
  readonly files: SourceTree;
  /** The branch that we write, if it is there; with what it has and the base has not, oldest first. */
  readonly branchHead?: string;
  readonly branchCommits: readonly BranchCommit[];
  /** Newest first. */
  readonly changeRequests: readonly ChangeRequest[];
}

export interface ObservePorts {
  readonly changeHost: ChangeHost;
  readonly gitRemote: GitRemote;
  readonly sourceCredentials: SourceCredentials;
}

const FETCH_TIMEOUT_MS = 60_000;
const FETCH_LIMITS = { files: 50_000, bytes: 256 * 1024 * 1024 };

/** Reads repository and pull requests as they are now, whatever the message said that led here. */
export async function observeAutomation(
  ports: ObservePorts,
  request: Pick<ObservedAutomation, 'cluster' | 'automation' | 'checkout' | 'candidates' | 'undecidedPolicies'>,
): Promise<ObservedAutomation> {
  const { cluster, automation, checkout } = request;
  const { repository, base, branch } = checkout;
  // Pull requests before the base: one that is merged in between then shows in the base, and never looks reverted.
  const changeRequests =
    checkout.mode === 'pull-request'
      ? await ports.changeHost.listChangeRequests(repository, { head: branch, base })
      : [];
  const branchHead = branch === base ? undefined : await ports.changeHost.readBranch(repository, branch);
  const baseHead = await ports.changeHost.readBranch(repository, base);
  if (baseHead === undefined) {
    throw new TidegateError('GitOperationFailed', `${checkout.url} has no branch "${base}"`, {
      disposition: 'stall',
      subject: `${automation.namespace}/${automation.name}`,
    });
  }
  const branchCommits =
    branchHead === undefined || branchHead === baseHead
      ? []
      : await ports.changeHost.listCommits(repository, { base: baseHead, head: branchHead });
  const credentials = await ports.sourceCredentials.forSource({ cluster, url: checkout.url });
  const files = await ports.gitRemote.fetchTree({
    url: checkout.url,
    oid: baseHead,
    refName: `refs/heads/${base}`,
    timeoutMs: FETCH_TIMEOUT_MS,
    limits: FETCH_LIMITS,
    ...(credentials === undefined ? {} : { credentials }),
  });
  return {
    ...request,
    baseHead,
    files,
    branchCommits,
    changeRequests,
    ...(branchHead === undefined ? {} : { branchHead }),
  };
}
