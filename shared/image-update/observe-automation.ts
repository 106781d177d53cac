import { defined } from '#shared/common/defined.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { ChangeRequest } from '#shared/ports/change-host.ts';
import { branchNames } from '#shared/pull-requests/branch-name.ts';
import { isOfInstallation } from '#shared/pull-requests/commit-trailers.ts';
import { observeBranch, ownCommit, type ObservedBranch } from '#shared/pull-requests/observe-branch.ts';
import { automationOwner, ownerOf, type Proposal } from '#shared/pull-requests/proposals.ts';
import {
  fetchCommitTree,
  readProposals,
  type ReadProposals,
  type ReadProposalsPorts,
} from '#shared/pull-requests/read-proposals.ts';

import { findMarkedPlaces, isAdoptable, type Adopter, type MarkedPlaces } from './adopt-proposal.ts';
import type { PolicyCandidates } from './choose-values.ts';
import { placeKey } from './place.ts';
import type { Checkout } from './resolve-checkout.ts';

/** Why a policy chooses nothing. */
export interface Undecided {
  readonly why: string;
  /** It is not by somebody's wish. */
  readonly fails: boolean;
  /** Whether it would choose a tag if there were one; unknown where it cannot be read. */
  readonly allows?: (tag: string) => boolean;
}

/** Everything that the plan of one automation is made from. */
export interface ObservedAutomation {
  readonly cluster: string;
  readonly automation: ImageUpdateAutomation;
  readonly checkout: Checkout;
  readonly candidates: readonly PolicyCandidates[];
  /** Policies that choose nothing at the moment: suspended, unreadable, without a match. */
  readonly undecidedPolicies: ReadonlyMap<string, Undecided>;
  readonly baseHead: string;
  readonly baseFiles: SourceTree;
  /** What edits are made to, and the commit that holds it: the base as it is, but where a file that is proposed cannot be read there. */
  readonly editBase: { readonly oid: string; readonly files: SourceTree };
  /** The files of the base that cannot be read and are proposed to be changed. */
  readonly unreadable: readonly string[];
  /** Decided ones that count here, ours of any automation: of this base, or of one that is gone. */
  readonly decided: readonly Proposal[];
  readonly open?: Proposal;
  /** A pull request of ours that a person took over by another base. */
  readonly retargeted?: Proposal;
  /** A pull request of ours into the base that the settings named before. */
  readonly misplaced?: Proposal;
  /** The branch that we write; undefined when every name that we may use is somebody else's. */
  readonly branch?: ObservedBranch;
  /** A rule wants the pull request's branch to have the base's newest commits. */
  readonly behind: boolean;
}

export type ObservePorts = ReadProposalsPorts;

export interface ObserveRequest extends Pick<
  ObservedAutomation,
  'cluster' | 'automation' | 'checkout' | 'candidates' | 'undecidedPolicies'
> {
  /** Whether some Flux object still wants a proposal. */
  readonly isWanted: (proposal: Proposal) => boolean;
  readonly adopter: Adopter;
}

/** Reads repository and pull requests as they are now, whatever the message said that led here. */
export async function observeAutomation(ports: ObservePorts, request: ObserveRequest): Promise<ObservedAutomation> {
  const { isWanted: _isWanted, adopter: _adopter, ...given } = request;
  const { cluster, checkout } = request;
  const { repository, base, url } = checkout;
  // Pull requests before the base: one that is merged in between then shows in the base, and never looks reverted.
  const read = await readProposals(ports, { cluster, repository, url });
  const baseHead = await ports.changeHost.readBranch(repository, base);
  if (baseHead === undefined) throw noBase(request);
  const files = await fetchCommitTree(ports, { cluster, url }, { oid: baseHead, refName: `refs/heads/${base}` });
  const places = findMarkedPlaces(files);
  const found = findOpen(request, read, places);
  const branch =
    checkout.mode === 'push'
      ? await observeBranch(ports.changeHost, repository, { ...checkout, name: checkout.branch, baseHead })
      : await observeProposalBranch(ports, request, read, { open: found.misplaced ?? found.open, baseHead });
  const unreadable = unreadableFiles(places, found.open);
  return {
    ...given,
    ...found,
    baseHead,
    baseFiles: files,
    unreadable,
    editBase: await editBaseOf(ports, request, { baseHead, files, branch, unreadable }),
    decided: await decidedFor(ports, request, { proposals: read.proposals, baseHead }),
    ...defined({ branch }),
    behind: await isBehind(ports, checkout, found.open),
  };
}

function findOpen(
  { cluster, automation, checkout, isWanted, adopter }: ObserveRequest,
  { proposals }: ReadProposals,
  places: MarkedPlaces,
): Pick<ObservedAutomation, 'open' | 'retargeted' | 'misplaced'> {
  if (checkout.mode === 'push') return {};
  const owner = automationOwner(cluster, automation);
  const open = proposals.filter(
    ({ request, memory }) => request.state === 'open' && isOfInstallation(memory, checkout.installation),
  );
  const own = open.filter((proposal) => ownerOf(proposal) === owner);
  const elsewhere = own.filter(({ request }) => request.base !== checkout.base);
  // Whoever changes the base of a pull request leaves in its commit which base we made it for.
  const misplaced = elsewhere.find(({ request, memory }) => (memory.base ?? request.base) === request.base);
  const here =
    own.find(({ request }) => request.base === checkout.base) ??
    open.find((proposal) => !isWanted(proposal) && isAdoptable(proposal, adopter, places));
  // Beside the one into our base, another one from the same branch is nothing to us.
  const retargeted = here === undefined ? elsewhere.find((proposal) => proposal !== misplaced) : undefined;
  return {
    ...defined({ open: here, misplaced, retargeted }),
  };
}

/** The branch of the open pull request; else the first of our names that is free, or ours to write again. */
async function observeProposalBranch(
  ports: ObservePorts,
  { checkout }: ObserveRequest,
  { requests }: ReadProposals,
  { open, baseHead }: { readonly open: Proposal | undefined; readonly baseHead: string },
): Promise<ObservedBranch | undefined> {
  const { repository } = checkout;
  if (open !== undefined) {
    return observeBranch(ports.changeHost, repository, { ...checkout, name: open.request.head.branch, baseHead });
  }
  const inUse = new Set(requests.filter(isOpen).map(({ head }) => head.branch));
  for (const name of branchNames(checkout.branch)) {
    if (inUse.has(name)) continue;
    const branch = await observeBranch(ports.changeHost, repository, { ...checkout, name, baseHead });
    if (branch.head === undefined || branch.own !== undefined) return branch;
  }
  return undefined;
}

/** Files with a proposed value that is not found in them any more because something is wrong with them. */
function unreadableFiles({ policies, unreadable }: MarkedPlaces, open: Proposal | undefined): readonly string[] {
  const lost = (open?.changes ?? []).filter((change) => unreadable.has(change.file) && !policies.has(placeKey(change)));
  return [...new Set(lost.map(({ file }) => file))];
}

/**
 * What edits are made to, if not to the base as it is:
 * - a branch to push to that has commits of others goes on from where it is;
 * - what cannot be read in the base keeps its proposal, so the commit stays on the base that it was made on.
 */
async function editBaseOf(
  ports: ObservePorts,
  request: ObserveRequest,
  seen: {
    readonly baseHead: string;
    readonly files: SourceTree;
    readonly branch: ObservedBranch | undefined;
    readonly unreadable: readonly string[];
  },
): Promise<ObservedAutomation['editBase']> {
  const { cluster, checkout } = request;
  const { url, base, mode } = checkout;
  if (mode === 'push') {
    const head = seen.branch !== undefined && isShared(request, seen.branch) ? seen.branch.head : undefined;
    if (head === undefined) return { oid: seen.baseHead, files: seen.files };
    const refName = `refs/heads/${checkout.branch}`;
    return { oid: head, files: await fetchCommitTree(ports, { cluster, url }, { oid: head, refName }) };
  }
  const parent = seen.branch?.own?.parents.at(-1);
  if (seen.unreadable.length === 0 || parent === undefined || parent === seen.baseHead) {
    return { oid: seen.baseHead, files: seen.files };
  }
  const refName = `refs/heads/${base}`;
  return { oid: parent, files: await fetchCommitTree(ports, { cluster, url }, { oid: parent, refName }) };
}

/** Whether a branch has commits that the base has not and this automation has not made. */
function isShared({ cluster, automation }: ObserveRequest, branch: ObservedBranch): boolean {
  if (branch.own === undefined) return branch.head !== branch.mergeBase;
  if (branch.mergeBase === undefined) return false;
  const owner = automationOwner(cluster, automation);
  return !branch.ahead.every((commit) => {
    const own = ownCommit(commit);
    return own !== undefined && ownerOf(own) === owner;
  });
}

/**
 * What was decided on another base counts here once that base is gone and went on as this one: it was renamed. A branch to try
 * things out, which was deleted, leaves its merges behind; a renamed one takes them along.
 */
async function decidedFor(
  { changeHost }: ObservePorts,
  { checkout: { repository, base } }: ObserveRequest,
  { proposals, baseHead }: { readonly proposals: readonly Proposal[]; readonly baseHead: string },
): Promise<readonly Proposal[]> {
  const decided = proposals.filter(({ request }) => request.state !== 'open');
  const byBase = Map.groupBy(decided, ({ request }) => request.base);
  const former = new Set<string>();
  for (const [name, there] of byBase) {
    if (name === base || (await changeHost.readBranch(repository, name)) !== undefined) continue;
    const witness = there.find(({ request }) => request.state === 'merged') ?? there[0];
    const oid = witness?.request.mergeCommit ?? witness?.commit.parents.at(-1);
    if (oid === undefined) continue;
    const comparison = await changeHost.compare(repository, { base: baseHead, head: oid });
    if (comparison?.mergeBase === oid) former.add(name);
  }
  return decided.filter(({ request }) => request.base === base || former.has(request.base));
}

async function isBehind(
  { changeHost }: ObservePorts,
  { repository }: Checkout,
  open: Proposal | undefined,
): Promise<boolean> {
  return open !== undefined && (await changeHost.readChangeRequest(repository, open.request.number)).behind;
}

function isOpen({ state }: ChangeRequest): boolean {
  return state === 'open';
}

function noBase({ automation, checkout }: ObserveRequest): TidegateError {
  return new TidegateError('GitOperationFailed', `${checkout.url} has no branch "${checkout.base}"`, {
    disposition: 'stall',
    subject: formatNamespacedName(automation),
  });
}
