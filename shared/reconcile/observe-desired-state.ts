import type { Instructions } from '#shared/api/instructions.ts';
import type { Instruction } from '#shared/api/parse-instruction.ts';
import { ROOT_NAME } from '#shared/api/resource-key.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { parseRevision } from '#shared/source/revision.ts';
import type { ClusterFolder, DesiredState } from './desired-state.ts';
import { readSources } from './read-sources.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import { walkKustomizations } from './walk-kustomizations.ts';

/**
 * Reads what Git asks of one cluster. What cannot be read becomes a failed node; the rest goes on.
 * @returns undefined while the configuration repository has no artifact.
 */
export async function observeDesiredState(
  folder: ClusterFolder,
  ports: ReconcilePorts,
): Promise<DesiredState | undefined> {
  const sources = readSources(folder.cluster, ports);
  const head = await sources.head(ROOT_NAME);
  if (head === undefined) return undefined;

  const { nodes, instructions, ...found } = await walkKustomizations(defaultRoot(folder.path), folder, sources, ports);

  const rootIsKnown = nodes[0]?.render.kind === 'rendered';
  return {
    cluster: folder.cluster,
    report: { repository: head.url, commit: parseRevision(head.revision)?.oid ?? '' },
    revision: head.revision,
    nodes,
    ...found,
    ...(rootIsKnown ? { instructions: toInstructions(folder.cluster, head.revision, instructions) } : {}),
  };
}

function toInstructions(cluster: string, revision: string, found: readonly Instruction[]): Instructions {
  return {
    cluster,
    revision,
    gitRepositories: found.flatMap((one) => (one.kind === 'GitRepository' ? [one.instruction] : [])),
    imageRepositories: found.flatMap((one) => (one.kind === 'ImageRepository' ? [one.instruction] : [])),
    imagePolicies: found.flatMap((one) => (one.kind === 'ImagePolicy' ? [one.instruction] : [])),
    imageUpdateAutomations: found.flatMap((one) => (one.kind === 'ImageUpdateAutomation' ? [one.instruction] : [])),
  };
}
