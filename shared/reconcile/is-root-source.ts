import { isRecord } from '#shared/common/is-record.ts';
import { namespaceOf } from '#shared/flux/kind-schema.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { SourceHead } from '#shared/records/journal-record.ts';
import { isNamedAsRoot } from '#shared/render/resolve-root.ts';
import { parseRevision } from '#shared/sources/revision.ts';

/** Makes a text of a Flux object what it becomes once its variables are filled in. */
export type Fill = (text: string) => string;

/**
 * Tells which sources of a cluster's folder are the configuration repository itself: the one named so, and every
 * GitRepository with its address and branch.
 *
 * @param repositories as rendered: one that is stalled for a field of its own is no other repository.
 */
export function rootSources(
  repositories: readonly KubernetesObject[],
  head: Pick<SourceHead, 'url' | 'revision'>,
  fill: Fill,
): (source: NamespacedName) => boolean {
  const own = placeOf(head.url);
  if (own === undefined) return isNamedAsRoot;
  const branch = parseRevision(head.revision)?.name;
  const names = new Set(
    repositories
      .filter(({ spec }) => {
        const { url, ref } = isRecord(spec) ? spec : {};
        return typeof url === 'string' && placeOf(fill(url)) === own && branchOf(ref, fill) === branch;
      })
      .map((object) => formatNamespacedName({ namespace: namespaceOf(object), name: object.metadata.name })),
  );
  return (source) => isNamedAsRoot(source) || names.has(formatNamespacedName(source));
}

/** Host and path of an address, over whatever protocol: a repository is the same over SSH and HTTPS. */
function placeOf(url: string): string | undefined {
  if (!URL.canParse(url)) return undefined;
  const { hostname, pathname } = new URL(url);
  const path = pathname.replace(/\/+$/, '').replace(/\.git$/, '');
  return `${hostname.replace(/^ssh\.github\.com$/i, 'github.com')}${path}`.toLowerCase();
}

/** The branch that a reference follows; none when it follows something else. */
function branchOf(ref: unknown, fill: Fill): string | undefined {
  const present = Object.entries(isRecord(ref) ? ref : {}).filter(([, value]) => value !== null && value !== '');
  const [[field, value] = ['branch', 'master'], ...more] = present;
  if (more.length > 0 || typeof value !== 'string') return undefined;
  const text = fill(value);
  return field === 'branch' ? text : field === 'name' ? /^refs\/heads\/(.+)$/.exec(text)?.[1] : undefined;
}
