import { GraphQLError } from 'graphql';

import { changeRefs } from './change-refs.ts';
import type { Actor, Core } from './core.ts';
import { actingAccount, gitDirectory, nodeId, timestamp } from './core.ts';
import { isAncestor } from './git-history.ts';
import { readCommit, readObject, resolveRevision, writeBlob, writeCommit } from './git-objects.ts';
import type { RefUpdate } from './git-refs.ts';
import { isRefName, readRef } from './git-refs.ts';
import type { TreeChange } from './git-trees.ts';
import { listTree, writeTree } from './git-trees.ts';
import { showCommitNode } from './graphql-commits.ts';
import type { PullRequestArguments } from './graphql-pulls.ts';
import { listPullNodes, showPullNode } from './graphql-pulls.ts';
import { personOf } from './merge-pull.ts';
import { permitRepository } from './permit.ts';
import { Problem } from './problem.ts';
import { callerOf } from './routes/meta.ts';
import { updateRefsByRules } from './rules.ts';
import type { Permissions, Repository } from './state.ts';
import { checkNewRef } from './text-bounds.ts';
import { webFlow } from './web-flow.ts';

const ZERO = '0'.repeat(40);

type GivenRef = {
  readonly name: string;
  readonly afterOid: string;
  readonly beforeOid?: string;
  readonly force: boolean;
};
type UpdateRefs = {
  readonly repositoryId: string;
  readonly refUpdates: readonly GivenRef[];
  readonly clientMutationId?: string;
};
type CommitOnBranch = {
  readonly branch: { readonly id?: string; readonly repositoryNameWithOwner?: string; readonly branchName?: string };
  readonly message: { readonly headline: string; readonly body?: string };
  readonly expectedHeadOid: string;
  readonly fileChanges?: {
    readonly additions: readonly { readonly path: string; readonly contents: string }[];
    readonly deletions: readonly { readonly path: string }[];
  };
  readonly clientMutationId?: string;
};

function refusal(type: string, message: string): GraphQLError {
  return new GraphQLError(message, { extensions: { type } });
}

/** Runs a mutation; what REST would refuse, GraphQL refuses in the same words. */
async function unlessRefused<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw refusal(error.status === 403 ? 'FORBIDDEN' : 'UNPROCESSABLE', error.message);
  }
}

function permit(core: Core, actor: Actor, owner: string, name: string, needs: Permissions): Repository {
  try {
    return permitRepository(core, actor, owner, name, [needs]);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.status !== 404) throw refusal('FORBIDDEN', error.message);
    throw refusal('NOT_FOUND', `Could not resolve to a Repository with the name '${owner}/${name}'.`);
  }
}

async function showObject(core: Core, repository: Repository, revision: string): Promise<unknown> {
  const directory = gitDirectory(core, repository);
  const sha = await resolveRevision(directory, revision);
  const object = sha === null ? null : await readObject(directory, sha);
  if (object === null) return null;
  const { type, content } = object;
  if (type === 'commit') {
    const commit = await readCommit(directory, object.sha);
    return commit === null ? null : showCommitNode(core, repository, commit);
  }
  const __typename = `${type.charAt(0).toUpperCase()}${type.slice(1)}`;
  const isBinary = content.includes(0);
  const node = { __typename, oid: object.sha, id: nodeId(__typename, object.sha) };
  return type === 'blob'
    ? { ...node, byteSize: content.length, isBinary, text: isBinary ? null : content.toString() }
    : node;
}

async function showRef(core: Core, repository: Repository, name: string): Promise<unknown> {
  const ref = await readRef(gitDirectory(core, repository), name);
  if (ref === null) return null;
  const parts = ref.name.split('/');
  return {
    id: nodeId('Ref', `${repository.id}:${ref.name}`),
    name: parts.slice(2).join('/'),
    prefix: `${parts.slice(0, 2).join('/')}/`,
    target: () => showObject(core, repository, ref.sha),
  };
}

function showRepositoryNode(core: Core, repository: Repository): Record<string, unknown> {
  return {
    id: nodeId('Repository', repository.id),
    databaseId: repository.id,
    name: repository.name,
    nameWithOwner: `${repository.owner}/${repository.name}`,
    url: `${core.url}/${repository.owner}/${repository.name}`,
    isPrivate: repository.private,
    isArchived: repository.archived,
    defaultBranchRef: () => showRef(core, repository, `refs/heads/${repository.defaultBranch}`),
    ref: ({ qualifiedName }: { qualifiedName: string }) =>
      showRef(core, repository, qualifiedName.startsWith('refs/') ? qualifiedName : `refs/heads/${qualifiedName}`),
    pullRequests: (given: PullRequestArguments) => listPullNodes(core, repository, given),
    pullRequest: ({ number }: { number: number }) => {
      const pull = core.state.pulls.find((one) => one.repositoryId === repository.id && one.number === number);
      if (pull === undefined) {
        throw refusal('NOT_FOUND', `Could not resolve to a PullRequest with the number of ${number}.`);
      }
      return showPullNode(core, repository, pull);
    },
    object: ({ oid, expression }: { oid?: string; expression?: string }) =>
      showObject(core, repository, oid ?? expression ?? ''),
  };
}

async function planUpdates(core: Core, repository: Repository, given: readonly GivenRef[]): Promise<RefUpdate[]> {
  const directory = gitDirectory(core, repository);
  const updates: RefUpdate[] = [];
  for (const { name, afterOid, beforeOid, force } of given) {
    if (!isRefName(name)) throw refusal('UNPROCESSABLE', `${name} is not a valid ref name.`);
    const now = (await readRef(directory, name))?.sha ?? null;
    if (now === null) checkNewRef(name);
    const before = beforeOid === undefined ? now : beforeOid === ZERO ? null : beforeOid;
    if (before !== now) throw refusal('UNPROCESSABLE', 'Reference cannot be updated');
    const after = afterOid === ZERO ? null : afterOid;
    const isThere = after === null || (await resolveRevision(directory, `${after}^{object}`)) === after;
    if (!isThere || (after !== null && core.lag.hides(repository.id, after))) {
      throw refusal('UNPROCESSABLE', 'Object does not exist');
    }
    if (after !== null && now !== null && !force && !(await isAncestor(directory, now, after))) {
      throw refusal('UNPROCESSABLE', 'Update is not a fast forward');
    }
    updates.push({ name, after, before });
  }
  return updates;
}

async function runUpdateRefs(core: Core, actor: Actor, input: UpdateRefs): Promise<unknown> {
  const found = core.state.repositories.find((one) => nodeId('Repository', one.id) === input.repositoryId);
  if (found === undefined) {
    throw refusal('NOT_FOUND', `Could not resolve to a node with the global id of '${input.repositoryId}'`);
  }
  const repository = permit(core, actor, found.owner, found.name, { contents: 'write' });
  await changeRefs(core, repository, actingAccount(core, actor), async () => {
    const updates = await planUpdates(core, repository, input.refUpdates);
    const refused = await updateRefsByRules(core, repository, updates);
    if (refused !== null) throw refusal('UNPROCESSABLE', 'Reference cannot be updated');
  });
  return { clientMutationId: input.clientMutationId };
}

async function planTree(directory: string, head: string, input: CommitOnBranch): Promise<TreeChange[]> {
  const files = await listTree(directory, `${head}^{tree}`, true);
  const modes = new Map(files.map((file) => [file.path, file.mode]));
  const changes: TreeChange[] = [];
  for (const { path } of input.fileChanges?.deletions ?? []) {
    if (!modes.has(path)) {
      throw refusal(
        'UNPROCESSABLE',
        `A path was requested for deletion which does not exist as of commit oid \`${head}\``,
      );
    }
    changes.push({ path, mode: '100644', sha: null });
  }
  for (const { path, contents } of input.fileChanges?.additions ?? []) {
    const sha = await writeBlob(directory, Buffer.from(contents, 'base64'));
    changes.push({ path, mode: modes.get(path) ?? '100644', sha });
  }
  return changes;
}

async function runCommitOnBranch(core: Core, actor: Actor, input: CommitOnBranch): Promise<unknown> {
  const [owner = '', name = ''] = (input.branch.repositoryNameWithOwner ?? '').split('/');
  const repository = permit(core, actor, owner, name, { contents: 'write' });
  const directory = gitDirectory(core, repository);
  const branch = (input.branch.branchName ?? '').replace(/^refs\/heads\//, '');
  const author = actingAccount(core, actor);
  const commit = await changeRefs(core, repository, author, async () => {
    const ref = await readRef(directory, `refs/heads/${branch}`);
    if (ref === null) throw refusal('NOT_FOUND', `Branch "${branch}" not found`);
    if (ref.sha !== input.expectedHeadOid) {
      const message = `Expected branch to point to "${input.expectedHeadOid}" but it did not. Pull and try again.`;
      throw refusal('STALE_DATA', message);
    }
    const tree = await writeTree(directory, `${ref.sha}^{tree}`, await planTree(directory, ref.sha, input));
    const { headline, body } = input.message;
    const message = body === undefined || body === '' ? headline : `${headline}\n\n${body}`;
    const people = { author: personOf(core, author), committer: webFlow(core) };
    const sha = await writeCommit(directory, { tree, parents: [ref.sha], ...people, message });
    core.state.verifiedCommits[sha] = timestamp(core);
    const refused = await updateRefsByRules(core, repository, [{ name: ref.name, after: sha, before: ref.sha }]);
    if (refused !== null) throw refusal('STALE_DATA', refused);
    return await readCommit(directory, sha);
  });
  return {
    clientMutationId: input.clientMutationId,
    commit: commit === null ? null : showCommitNode(core, repository, commit),
    ref: await showRef(core, repository, `refs/heads/${branch}`),
  };
}

/** What GraphQL queries and mutations resolve to for one caller. */
export function graphqlRoot(core: Core, actor: Actor): Record<string, unknown> {
  return {
    viewer: () => ({ login: actingAccount(core, actor).login }),
    rateLimit: () => {
      const { limit, remaining, used, reset } = core.rateLimits.budget(`graphql ${callerOf({ actor })}`);
      return { limit, remaining, used, cost: 1, resetAt: new Date(reset * 1000).toISOString() };
    },
    repository: ({ owner, name }: { owner: string; name: string }) => {
      const repository = permit(core, actor, owner, name, { metadata: 'read' });
      return showRepositoryNode(core, repository);
    },
    updateRefs: ({ input }: { input: UpdateRefs }) => unlessRefused(runUpdateRefs(core, actor, input)),
    createCommitOnBranch: ({ input }: { input: CommitOnBranch }) =>
      unlessRefused(runCommitOnBranch(core, actor, input)),
  };
}
