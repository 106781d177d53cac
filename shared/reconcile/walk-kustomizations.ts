import type { Instruction } from '#shared/api/parse-instruction.ts';
import type { Kustomization } from '#shared/api/kustomization.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/api/resource-key.ts';
import type { NamespacedName, SourceKey } from '#shared/api/resource-key.ts';
import type { RenderState } from '#shared/apply/desired-state.ts';
import { describeError, TidegateError } from '#shared/errors/tidegate-error.ts';
import { concealValues } from './conceal-values.ts';
import type { ClusterFolder, KustomizationNode, StalledInstruction } from './desired-state.ts';
import type { SourceReader } from './read-sources.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import { renderNode } from './render-node.ts';
import type { RenderedNode } from './render-node.ts';

const ROOT_PARENT = 'the cluster itself';

/** Everything that was found on the way from the root to the last Kustomization. */
export interface Walk {
  readonly nodes: readonly KustomizationNode[];
  readonly instructions: readonly Instruction[];
  readonly stalled: readonly StalledInstruction[];
  readonly missingSources: readonly SourceKey[];
  readonly doubts: readonly string[];
  readonly leftOut: readonly string[];
  /** Values of Secrets that variables came from; shown to nobody. */
  readonly secrets: readonly string[];
}

/** A Git source that an earlier run found, for one whose declaration cannot be read at the moment. */
export type RememberedSources = readonly NamespacedName[];

/**
 * Renders the root, then every Kustomization it brings, and theirs in turn, a level at a time. One that names a source
 * which has not been found yet waits for the next level: a sibling may bring it.
 */
export async function walkKustomizations(
  root: Kustomization,
  folder: ClusterFolder,
  sources: SourceReader,
  remembered: RememberedSources,
  ports: ReconcilePorts,
): Promise<Walk> {
  const secrets = new Set<string>();
  const nodes: KustomizationNode[] = [];
  const instructions: Instruction[] = [];
  const stalled: StalledInstruction[] = [];
  const leftOut: string[] = [];
  const doubts: string[] = [];
  const missingSources = new Map<string, SourceKey>();
  const parents = new Map<string, string>([[formatNamespacedName(ROOT_NAME), ROOT_PARENT]]);

  let level: readonly Kustomization[] = [root];
  while (level.length > 0) {
    const found = level.filter((kustomization) => isDeclared(kustomization, instructions));
    const declared = found.length > 0 ? found : level.filter((one) => mayBeDeclared(one, nodes, remembered));
    if (declared.length === 0) {
      nodes.push(...level.map(withoutSource));
      break;
    }
    const next: Kustomization[] = level.filter((kustomization) => !declared.includes(kustomization));
    const visits = await Promise.all(
      declared.map((kustomization) => visit(kustomization, folder, sources, secrets, ports)),
    );
    for (const { node, rendered, missingSource } of visits) {
      if (missingSource !== undefined) missingSources.set(formatNamespacedName(missingSource), missingSource);
      instructions.push(...(rendered?.instructions ?? []));
      stalled.push(...(rendered?.stalled ?? []));
      leftOut.push(...(rendered?.leftOut ?? []));
      const parent = formatNamespacedName(node.kustomization);
      // The root may go by a name of its own choice.
      if (nodes.length === 0) parents.set(parent, ROOT_PARENT);
      const children: NamespacedName[] = [];
      for (const child of rendered?.kustomizations ?? []) {
        const name = formatNamespacedName(child);
        const claimedBy = parents.get(name);
        if (claimedBy !== undefined) {
          // The first one found stays. Which of the two is meant nobody can know, so nothing is pruned.
          doubts.push(`Kustomization ${name} comes from ${parent} and from ${claimedBy}; keep one, or break the cycle`);
          continue;
        }
        parents.set(name, parent);
        children.push({ namespace: child.namespace, name: child.name });
        next.push(child);
      }
      nodes.push({ ...node, children });
    }
    level = next;
  }
  return {
    nodes,
    instructions,
    stalled,
    leftOut,
    doubts,
    missingSources: [...missingSources.values()],
    secrets: [...secrets],
  };
}

function isDeclared(kustomization: Kustomization, instructions: readonly Instruction[]): boolean {
  const source = formatNamespacedName(kustomization.sourceRef);
  return (
    source === formatNamespacedName(ROOT_NAME) ||
    instructions.some((found) => found.kind === 'GitRepository' && formatNamespacedName(found.instruction) === source)
  );
}

/** What declares its source may be in a Kustomization that is broken or suspended: what was known last stays true. */
function mayBeDeclared(
  kustomization: Kustomization,
  nodes: readonly KustomizationNode[],
  remembered: RememberedSources,
): boolean {
  const source = formatNamespacedName(kustomization.sourceRef);
  return (
    nodes.some((node) => node.render.kind !== 'rendered') &&
    remembered.some((known) => formatNamespacedName(known) === source)
  );
}

function withoutSource(kustomization: Kustomization): KustomizationNode {
  const source = `${kustomization.sourceRef.kind} ${formatNamespacedName(kustomization.sourceRef)}`;
  const message = `source ${source} is not in the cluster's folder, or is stalled; add it, or mend spec.sourceRef`;
  return { kustomization, revision: '', children: [], stalled: true, render: failed('ArtifactFailed', message) };
}

interface Visit {
  readonly node: KustomizationNode;
  readonly rendered?: RenderedNode;
  readonly missingSource?: SourceKey;
}

async function visit(
  kustomization: Kustomization,
  folder: ClusterFolder,
  sources: SourceReader,
  secrets: Set<string>,
  ports: ReconcilePorts,
): Promise<Visit> {
  const node = { kustomization, revision: '', children: [], stalled: false } as const;
  const { kind, namespace, name } = kustomization.sourceRef;
  const head = await sources.head(kustomization.sourceRef);
  if (head === undefined) {
    const message = `source ${kind} ${namespace}/${name} has no artifact yet`;
    return {
      node: { ...node, render: failed('ArtifactFailed', message) },
      missingSource: { cluster: folder.cluster, kind, namespace, name },
    };
  }
  const { revision } = head;
  if (kustomization.suspend) {
    return { node: { ...node, revision, render: { kind: 'suspended', ready: true } } };
  }
  try {
    const files = await sources.tree(head);
    const noteSecrets = (values: readonly string[]): void => values.forEach((value) => secrets.add(value));
    const rendered = concealStalled(await renderNode({ kustomization, folder, files, noteSecrets }, ports), secrets);
    const render: RenderState = rendered.kustomization.suspend
      ? { kind: 'suspended', ready: true }
      : { kind: 'rendered', objects: rendered.objects };
    return { node: { ...node, kustomization: rendered.kustomization, revision, render }, rendered };
  } catch (error) {
    const reason = error instanceof TidegateError ? error.code : 'BuildFailed';
    const stalled = error instanceof TidegateError && error.disposition === 'stall';
    return {
      node: { ...node, revision, stalled, render: failed(reason, concealValues(describeError(error), [...secrets])) },
    };
  }
}

function concealStalled(rendered: RenderedNode, secrets: ReadonlySet<string>): RenderedNode {
  const stalled = rendered.stalled.map((one) => ({
    ...one,
    problems: one.problems.map((problem) => ({ ...problem, message: concealValues(problem.message, [...secrets]) })),
  }));
  return { ...rendered, stalled };
}

function failed(reason: string, message: string): RenderState {
  return { kind: 'failed', reason, message };
}
