import { changeRefs } from '../change-refs.ts';
import type { Exchange, Route } from '../core.ts';
import { actingAccount, apiUrl, gitDirectory, nodeId, timestamp } from '../core.ts';
import { isAncestor } from '../git-history.ts';
import type { Person } from '../git-objects.ts';
import { readCommit, readObject, resolveRevision, writeBlob, writeCommit } from '../git-objects.ts';
import type { Ref } from '../git-refs.ts';
import { isRefName, listRefs, readRef } from '../git-refs.ts';
import type { TreeChange } from '../git-trees.ts';
import { listTree, writeTree } from '../git-trees.ts';
import { personOf } from '../merge-pull.ts';
import { answerPage } from '../paginate.ts';
import { notFound, Problem, unprocessable } from '../problem.ts';
import { objectOf, objectsOf, textOf, textsOf } from '../read-body.ts';
import { updateRefsByRules } from '../rules.ts';
import { showGitCommit } from '../show-commit.ts';
import type { Repository } from '../state.ts';
import { checkNewRef } from '../text-bounds.ts';
import { onRepository } from './route.ts';

const READ = { contents: 'read' } as const;
const WRITE = { contents: 'write' } as const;

function repositoryUrl(exchange: Exchange, repository: Repository): string {
  return `${apiUrl(exchange.core)}/repos/${repository.owner}/${repository.name}`;
}

function showRef(exchange: Exchange, repository: Repository, ref: Ref): Record<string, unknown> {
  const api = `${repositoryUrl(exchange, repository)}/git`;
  return {
    ref: ref.name,
    node_id: nodeId('Ref', `${repository.id}:${ref.name}`),
    url: `${api}/${ref.name}`,
    object: { sha: ref.sha, type: ref.type, url: `${api}/${ref.type}s/${ref.sha}` },
  };
}

function person(exchange: Exchange, key: string): Person | undefined {
  const given = objectOf(exchange.body, key);
  if (given === undefined) return undefined;
  const date = textOf(given, 'date') ?? timestamp(exchange.core);
  return { name: textOf(given, 'name') ?? '', email: textOf(given, 'email') ?? '', date };
}

async function updateRef(exchange: Exchange, repository: Repository) {
  const directory = gitDirectory(exchange.core, repository);
  const name = `refs/${exchange.params['ref']}`;
  const sha = textOf(exchange.body, 'sha') ?? '';
  const force = exchange.body['force'] === true;
  return await changeRefs(exchange.core, repository, actingAccount(exchange.core, exchange.actor), async () => {
    const ref = await readRef(directory, name);
    if (ref === null) throw unprocessable('Reference does not exist');
    const isThere = (await resolveRevision(directory, `${sha}^{object}`)) === sha;
    if (!isThere || exchange.core.lag.hides(repository.id, sha)) throw unprocessable('Object does not exist');
    if (!force && !(await isAncestor(directory, ref.sha, sha))) throw unprocessable('Update is not a fast forward');
    const refused = await updateRefsByRules(exchange.core, repository, [{ name, after: sha, before: ref.sha }]);
    if (refused !== null) throw unprocessable(`Reference cannot be updated: ${refused}`);
    return { status: 200, body: showRef(exchange, repository, { ...ref, sha }) };
  });
}

async function createRef(exchange: Exchange, repository: Repository) {
  const directory = gitDirectory(exchange.core, repository);
  const name = textOf(exchange.body, 'ref') ?? '';
  const sha = textOf(exchange.body, 'sha') ?? '';
  return await changeRefs(exchange.core, repository, actingAccount(exchange.core, exchange.actor), async () => {
    if (name.split('/').length < 3 || !isRefName(name)) {
      throw unprocessable(`${name || 'ref'} is not a valid ref name.`);
    }
    checkNewRef(name);
    const object = /^[0-9a-f]{40}$/.test(sha) ? await readObject(directory, sha) : null;
    if (object === null || exchange.core.lag.hides(repository.id, sha)) throw unprocessable('Object does not exist');
    if (name.startsWith('refs/heads/') && object.type !== 'commit') throw unprocessable('Reference update failed');
    const refused = await updateRefsByRules(exchange.core, repository, [{ name, after: sha, before: null }]);
    if (refused !== null) {
      throw unprocessable(
        (await readRef(directory, name)) === null ? 'Reference update failed' : 'Reference already exists',
      );
    }
    return {
      status: 201,
      body: showRef(exchange, repository, { name, sha, type: object.type }),
      headers: { location: `${repositoryUrl(exchange, repository)}/git/${name}` },
    };
  });
}

async function createTree(exchange: Exchange, repository: Repository) {
  const directory = gitDirectory(exchange.core, repository);
  const base = textOf(exchange.body, 'base_tree');
  const baseTree = base === undefined ? null : await resolveRevision(directory, `${base}^{tree}`);
  if (base !== undefined && baseTree === null) throw notFound();
  const changes: TreeChange[] = [];
  for (const entry of objectsOf(exchange.body, 'tree') ?? []) {
    const path = textOf(entry, 'path') ?? '';
    const bad =
      path === '' || path.split('/').some((part) => part === '' || part === '.' || part === '..' || part === '.git');
    if (bad) throw unprocessable('tree.path contains a malformed path component');
    const content = textOf(entry, 'content');
    const sha = content === undefined ? textOf(entry, 'sha') : await writeBlob(directory, content);
    if (sha === undefined && entry['sha'] !== null) throw unprocessable('Must supply either tree.sha or tree.content');
    const isMissing = sha !== undefined && (await readObject(directory, sha)) === null;
    const isHidden = textOf(entry, 'sha') !== undefined && exchange.core.lag.hides(repository.id, sha ?? '');
    if (isMissing || isHidden) throw unprocessable(`tree.sha ${sha} is not a valid ${textOf(entry, 'type') ?? 'blob'}`);
    changes.push({ path, mode: textOf(entry, 'mode') ?? '100644', sha: sha ?? null });
  }
  const sha = await writeTree(directory, baseTree, changes);
  exchange.core.lag.written(repository.id, sha);
  return { status: 201, body: await showTree(exchange, repository, sha, false) };
}

async function showTree(exchange: Exchange, repository: Repository, sha: string, recursive: boolean) {
  const api = `${repositoryUrl(exchange, repository)}/git`;
  const entries = await listTree(gitDirectory(exchange.core, repository), sha, recursive);
  return {
    sha,
    url: `${api}/trees/${sha}`,
    tree: entries.map(({ path, mode, type, sha: object, size }) => ({
      path,
      mode,
      type,
      sha: object,
      ...(size === null ? {} : { size }),
      url: `${api}/${type}s/${object}`,
    })),
    truncated: false,
  };
}

async function createCommit(exchange: Exchange, repository: Repository) {
  const { core, actor, body } = exchange;
  const directory = gitDirectory(core, repository);
  const named = textOf(body, 'tree') ?? '';
  const tree = await resolveRevision(directory, `${named}^{tree}`);
  if (tree === null || core.lag.hides(repository.id, named)) throw unprocessable('Tree SHA does not exist');
  const parents = textsOf(body, 'parents') ?? [];
  for (const parent of parents) {
    const found = await resolveRevision(directory, `${parent}^{commit}`);
    if (found !== parent || core.lag.hides(repository.id, parent)) {
      throw unprocessable('Parent SHA does not exist or is not a commit object');
    }
  }
  const given = person(exchange, 'author');
  const givenCommitter = person(exchange, 'committer');
  const author = given ?? personOf(core, actingAccount(core, actor));
  const committer = givenCommitter ?? author;
  const sha = await writeCommit(directory, {
    tree,
    parents,
    author,
    committer,
    message: textOf(body, 'message') ?? '',
  });
  // GitHub signs what a bot commits, unless it names an author or committer of its own.
  if (actor.kind === 'installation' && given === undefined && givenCommitter === undefined) {
    core.state.verifiedCommits[sha] = timestamp(core);
  }
  core.lag.written(repository.id, sha);
  const commit = await readCommit(directory, sha);
  if (commit === null) throw new Error(`commit ${sha} was written and is not there`);
  return {
    status: 201,
    body: showGitCommit(core, repository, commit),
    headers: { location: `${repositoryUrl(exchange, repository)}/git/commits/${sha}` },
  };
}

async function readBlob(exchange: Exchange, repository: Repository) {
  const sha = exchange.params['file_sha'] ?? '';
  const blob = /^[0-9a-f]{40}$/.test(sha) ? await readObject(gitDirectory(exchange.core, repository), sha) : null;
  if (blob?.type !== 'blob') throw notFound();
  const content = `${blob.content.toString('base64').replace(/(.{60})/g, '$1\n')}\n`;
  const url = `${repositoryUrl(exchange, repository)}/git/blobs/${sha}`;
  return {
    status: 200,
    body: { sha, node_id: nodeId('Blob', sha), size: blob.content.length, url, content, encoding: 'base64' },
  };
}

/** Refs, trees, blobs and commits, as git knows them. */
export const gitDataRoutes: readonly Route[] = [
  onRepository('GET', '/git/ref/{ref}', READ, async (exchange, repository) => {
    const ref = await readRef(gitDirectory(exchange.core, repository), `refs/${exchange.params['ref']}`);
    if (ref === null || exchange.core.lag.hides(repository.id, ref.name)) throw notFound();
    return { status: 200, body: showRef(exchange, repository, ref) };
  }),
  onRepository('GET', '/git/matching-refs/{ref}', READ, async (exchange, repository) => {
    const prefix = `refs/${exchange.params['ref']}`;
    const refs = await listRefs(gitDirectory(exchange.core, repository));
    const matching = refs.filter((ref) => ref.name.startsWith(prefix));
    return await answerPage(exchange, matching, (ref) => showRef(exchange, repository, ref));
  }),
  onRepository('POST', '/git/refs', WRITE, createRef),
  onRepository('PATCH', '/git/refs/{ref}', WRITE, updateRef),
  onRepository('DELETE', '/git/refs/{ref}', WRITE, async (exchange, repository) => {
    const directory = gitDirectory(exchange.core, repository);
    const name = `refs/${exchange.params['ref']}`;
    return await changeRefs(exchange.core, repository, actingAccount(exchange.core, exchange.actor), async () => {
      if ((await readRef(directory, name)) === null) throw unprocessable('Reference does not exist');
      if (name === `refs/heads/${repository.defaultBranch}`) throw unprocessable('Cannot delete the default branch');
      const refused = await updateRefsByRules(exchange.core, repository, [{ name, after: null }]);
      if (refused !== null) throw new Problem(409, `Reference cannot be deleted: ${refused}`);
      return { status: 204 };
    });
  }),
  onRepository('GET', '/git/trees/{tree_sha}', READ, async (exchange, repository) => {
    const directory = gitDirectory(exchange.core, repository);
    const sha = await resolveRevision(directory, `${exchange.params['tree_sha']}^{tree}`);
    if (sha === null) throw notFound();
    return { status: 200, body: await showTree(exchange, repository, sha, exchange.query.has('recursive')) };
  }),
  onRepository('POST', '/git/trees', WRITE, createTree),
  onRepository('GET', '/git/blobs/{file_sha}', READ, readBlob),
  onRepository('POST', '/git/blobs', WRITE, async (exchange, repository) => {
    const encoding = textOf(exchange.body, 'encoding') === 'base64' ? 'base64' : 'utf8';
    const content = Buffer.from(textOf(exchange.body, 'content') ?? '', encoding);
    const sha = await writeBlob(gitDirectory(exchange.core, repository), content);
    exchange.core.lag.written(repository.id, sha);
    const url = `${repositoryUrl(exchange, repository)}/git/blobs/${sha}`;
    return { status: 201, body: { sha, url }, headers: { location: url } };
  }),
  onRepository('GET', '/git/commits/{commit_sha}', READ, async (exchange, repository) => {
    const sha = exchange.params['commit_sha'] ?? '';
    const commit = /^[0-9a-f]{40}$/.test(sha) ? await readCommit(gitDirectory(exchange.core, repository), sha) : null;
    if (commit === null || exchange.core.lag.hides(repository.id, sha)) throw notFound();
    return { status: 200, body: showGitCommit(exchange.core, repository, commit) };
  }),
  onRepository('POST', '/git/commits', WRITE, createCommit),
];
