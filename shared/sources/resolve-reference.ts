import { suggestName } from '#shared/common/suggest-name.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { GitRepository } from '#shared/flux/kinds/git-repository.ts';
import { parseSemverRange } from '#shared/images/semver-range.ts';
import { compareVersions, parseVersion } from '#shared/images/version.ts';
import type { GitRef } from '#shared/ports/git-remote.ts';

import { formatRevision } from './revision.ts';

/** The commit a source points to, and what led to it. */
export interface ResolvedReference {
  /** Advertised ref; absent when only a commit was asked for. */
  readonly refName?: string;
  readonly oid: string;
  /** `main@sha1:<hex>`. */
  readonly revision: string;
}

type Reference = GitRepository['ref'];

/**
 * Finds the commit for `spec.ref` among the advertised refs; precedence as in Flux.
 * @throws TidegateError `GitOperationFailed` (stall) naming what there is instead.
 */
export function resolveReference(reference: Reference, refs: readonly GitRef[]): ResolvedReference {
  if (reference.name !== undefined) return resolveName(reference.name, reference.name, 'name', refs);
  if (reference.commit !== undefined) return resolveCommit(reference.commit, reference.branch, refs);
  if (reference.semver !== undefined) return resolveSemver(reference.semver, refs);
  if (reference.tag !== undefined) return resolveName(`refs/tags/${reference.tag}`, reference.tag, 'tag', refs);
  const branch = reference.branch ?? 'master';
  return resolveName(`refs/heads/${branch}`, branch, 'branch', refs);
}

/** Whether a push of this ref can move the source. */
export function followsRef(reference: Reference, refName: string): boolean {
  if (reference.name !== undefined) return refName === reference.name;
  if (reference.commit !== undefined) return reference.branch === undefined || refName === headOf(reference.branch);
  if (reference.semver !== undefined) return refName.startsWith('refs/tags/');
  if (reference.tag !== undefined) return refName === `refs/tags/${reference.tag}`;
  return refName === headOf(reference.branch ?? 'master');
}

function headOf(branch: string): string {
  return `refs/heads/${branch}`;
}

function resolveName(
  refName: string,
  shown: string,
  field: 'name' | 'tag' | 'branch',
  refs: readonly GitRef[],
): ResolvedReference {
  const ref = refs.find((candidate) => candidate.name === refName);
  if (ref === undefined) throw notFound(`${field} "${shown}" is not in the repository`, refName, refs);
  return resolved(ref, shown);
}

function resolveCommit(commit: string, branch: string | undefined, refs: readonly GitRef[]): ResolvedReference {
  if (!/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(commit)) {
    throw failed(`commit "${commit}" is no full commit id; write all 40 hexadecimal digits`);
  }
  const tip = refs.find((ref) => ref.name !== 'HEAD' && (ref.peeled ?? ref.oid) === commit);
  return {
    oid: commit,
    revision: formatRevision(branch === undefined ? { oid: commit } : { name: branch, oid: commit }),
    ...(tip === undefined ? {} : { refName: tip.name }),
  };
}

function resolveSemver(range: string, refs: readonly GitRef[]): ResolvedReference {
  const accepts = parseSemverRange(range);
  const tags = refs.filter((ref) => ref.name.startsWith('refs/tags/'));
  const versions = tags.flatMap((ref) => {
    const version = parseVersion(tagName(ref));
    return version === undefined ? [] : [{ ref, version }];
  });
  const best = versions
    .filter(({ ref }) => accepts.matches(tagName(ref)))
    .sort((a, b) => compareVersions(a.version, b.version) || (a.ref.name < b.ref.name ? -1 : 1))
    .at(-1)?.ref;
  if (best === undefined) {
    throw failed(
      `semver "${range}" matches no tag; the repository has ${count(tags.length, 'tag', 'tags')}, ${versions.length} of them versions`,
    );
  }
  return resolved(best, tagName(best));
}

function tagName(ref: GitRef): string {
  return ref.name.slice('refs/tags/'.length);
}

function resolved(ref: GitRef, name: string): ResolvedReference {
  const oid = ref.peeled ?? ref.oid;
  return { refName: ref.name, oid, revision: formatRevision({ name, oid }) };
}

function notFound(message: string, wanted: string, refs: readonly GitRef[]): TidegateError {
  const heads = refs.filter((ref) => ref.name.startsWith('refs/heads/')).length;
  const tags = refs.filter((ref) => ref.name.startsWith('refs/tags/')).length;
  const nearest = nearestRef(wanted, refs);
  const hint = nearest === undefined ? '' : `; the nearest is "${nearest}"`;
  return failed(`${message}; it has ${count(heads, 'branch', 'branches')} and ${count(tags, 'tag', 'tags')}${hint}`);
}

function count(number: number, one: string, many: string): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** The advertised ref that was most likely meant, by its short name. */
function nearestRef(wanted: string, refs: readonly GitRef[]): string | undefined {
  const folder = wanted.slice(0, wanted.indexOf('/', 'refs/'.length) + 1);
  const names = refs
    .filter((ref) => ref.name.startsWith(folder) && ref.name.length <= 200)
    .slice(0, 1000)
    .map((ref) => ref.name.slice(folder.length))
    .sort();
  return suggestName(wanted.slice(folder.length), names);
}

function failed(message: string): TidegateError {
  return new TidegateError('GitOperationFailed', message, { disposition: 'stall' });
}
