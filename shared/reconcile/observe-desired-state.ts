import { toFluxObjects } from '#shared/flux/flux-objects.ts';
import type { FluxObject } from '#shared/flux/parse-flux-object.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/flux/resource-key.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { parseRevision } from '#shared/sources/revision.ts';

import type { ClusterFolder, DesiredState } from './desired-state.ts';
import { readSources } from './read-sources.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import { walkKustomizations, type Remembered } from './walk-kustomizations.ts';

/**
 * Reads what Git asks of one cluster; `remembered` is what earlier runs found. What cannot be read becomes a failed node; the
 * rest goes on, and so does what it declared when it could be read last.
 * @returns undefined while the configuration repository has no artifact.
 */
export async function observeDesiredState(
  folder: ClusterFolder,
  remembered: Remembered,
  ports: ReconcilePorts,
): Promise<DesiredState | undefined> {
  const sources = readSources(folder.cluster, ports);
  const head = await sources.head(ROOT_NAME);
  if (head === undefined) return undefined;

  const root = defaultRoot(folder.path);
  const {
    nodes,
    fluxObjects: written,
    ...found
  } = await walkKustomizations(root, folder, sources, remembered, ports).finally(() => ports.trees.forgetIdle());
  const { fluxObjects, doubts } = dropRepeated(written);

  const rootIsKnown = nodes[0]?.render.kind === 'rendered';
  return {
    cluster: folder.cluster,
    report: { repository: head.url, commit: parseRevision(head.revision)?.oid ?? '' },
    revision: head.revision,
    nodes,
    ...found,
    heads: await sources.seen(),
    doubts: [...found.doubts, ...doubts],
    ...(rootIsKnown ? { fluxObjects: toFluxObjects(folder.cluster, head.revision, fluxObjects) } : {}),
  };
}

/** One that is written twice counts once; when the two differ, nobody can know which is meant, and nothing is pruned. */
function dropRepeated(found: readonly FluxObject[]): {
  readonly fluxObjects: readonly FluxObject[];
  readonly doubts: readonly string[];
} {
  const first = new Map<string, FluxObject>();
  const doubts = new Set<string>();
  for (const one of found) {
    const name = `${one.kind} ${formatNamespacedName(one.fluxObject)}`;
    const before = first.get(name);
    if (before !== undefined && JSON.stringify(before) !== JSON.stringify(one)) {
      doubts.add(
        `${name} comes from two Kustomizations and reads differently; the first is followed, remove the other`,
      );
    }
    first.set(name, before ?? one);
  }
  return { fluxObjects: [...first.values()], doubts: [...doubts] };
}
