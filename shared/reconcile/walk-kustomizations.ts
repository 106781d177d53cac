import { defined } from '#shared/common/defined.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import type { RenderState } from '#shared/engine/model/apply-request.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import type { FluxObject } from '#shared/flux/parse-flux-object.ts';
import type { NamespacedName, SourceKey } from '#shared/flux/resource-key.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/flux/resource-key.ts';
import type { SourceHead } from '#shared/records/journal-record.ts';

import type { ClusterFolder, FrozenBy, KustomizationNode, StalledFluxObject } from './desired-state.ts';
import type { RememberedDeclarations } from './read-previous-state.ts';
import type { SourceReader } from './read-sources.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';
import { redactValues } from './redact-values.ts';
import type { RenderedNode } from './render-node.ts';
import { renderNode } from './render-node.ts';
import { renderRoot } from './render-root.ts';

const ROOT_PARENT = 'the cluster itself';

/** Everything that was found on the way from the root to the last Kustomization. */
export interface Walk {
  readonly nodes: readonly KustomizationNode[];
  readonly fluxObjects: readonly FluxObject[];
  readonly stalled: readonly StalledFluxObject[];
  readonly missingSources: readonly SourceKey[];
  readonly doubts: readonly string[];
  readonly leftOut: readonly string[];
  /** Values of Secrets that variables came from; shown to nobody. */
  readonly secrets: readonly string[];
}

/** What earlier runs found, for what cannot be read at the moment. */
export interface Remembered extends Partial<RememberedDeclarations> {
  /** Git sources that were declared. */
  readonly sources: readonly NamespacedName[];
}

/** A Kustomization to look at, and what it goes on from when what declares it cannot be read, or is suspended. */
interface Step {
  readonly kustomization: Kustomization;
  readonly lastRender?: LastRender;
  readonly frozen?: FrozenBy;
}

interface LastRender {
  readonly brokenBy: NamespacedName;
  /** By `<namespace>/<name>` of the source. */
  readonly heads: ReadonlyMap<string, SourceHead>;
}

/**
 * Renders the root, then every Kustomization it brings, and theirs in turn, a level at a time. One that names a source
 * which has not been found yet waits for the next level: a sibling may bring it.
 *
 * What a Kustomization declared that cannot be read now goes on as it was declared last, from the artifact in which it was:
 * a commit that breaks what declares it is, for all below it, a commit that did not come. That is looked at only after
 * everything that can be read, because it may be declared elsewhere by now.
 *
 * What a suspended Kustomization declared goes on as well, as in Flux, where it is an object of the cluster: as it was
 * declared last, from its source as that is now.
 */
export async function walkKustomizations(
  root: Kustomization,
  folder: ClusterFolder,
  sources: SourceReader,
  remembered: Remembered,
  ports: ReconcilePorts,
): Promise<Walk> {
  const secrets = new Set<string>();
  const nodes: KustomizationNode[] = [];
  const fluxObjects: FluxObject[] = [];
  const stalled: StalledFluxObject[] = [];
  const leftOut: string[] = [];
  const doubts: string[] = [];
  const missingSources = new Map<string, SourceKey>();
  const parents = new Map<string, string>([[formatNamespacedName(ROOT_NAME), ROOT_PARENT]]);
  const known = childrenByParent(remembered);
  /** Declared by what cannot be read or is suspended, in the order in which it was met. */
  const undeclared: Step[] = [];
  const declaredSources = new Set([formatNamespacedName(ROOT_NAME)]);
  const rememberedSources = new Set(remembered.sources.map(formatNamespacedName));

  let level: readonly Step[] = [{ kustomization: root }];
  while (level.length > 0) {
    const isFrom = (known: ReadonlySet<string>): readonly Step[] =>
      level.filter(({ kustomization }) => known.has(formatNamespacedName(kustomization.sourceRef)));
    const found = isFrom(declaredSources);
    const declared = found.length > 0 || !isIncomplete(nodes, stalled) ? found : isFrom(rememberedSources);
    const visits =
      declared.length === 0
        ? level.map((step): Visit => ({ node: withoutSource(step), step }))
        : await Promise.all(
            declared.map((step) =>
              visit(step, { isRoot: step.kustomization === root, folder, remembered }, sources, secrets, ports),
            ),
          );
    const visited = new Set(declared);
    const next: Step[] = declared.length === 0 ? [] : level.filter((step) => !visited.has(step));
    for (const { node, step, rendered, missingSource } of visits) {
      if (missingSource !== undefined) missingSources.set(formatNamespacedName(missingSource), missingSource);
      for (const one of rendered?.fluxObjects ?? []) {
        fluxObjects.push(one);
        if (one.kind === 'GitRepository') declaredSources.add(formatNamespacedName(one.fluxObject));
      }
      // What a root that is suspended says of its children is not in force, as what it says of objects.
      const isRendered = node.render.kind === 'rendered';
      const stalledHere = isRendered ? (rendered?.stalled ?? []) : [];
      stalled.push(...stalledHere);
      leftOut.push(...(rendered?.leftOut ?? []));
      const parent = formatNamespacedName(node.kustomization);
      // The root may go by a name of its own choice.
      if (nodes.length === 0) parents.set(parent, ROOT_PARENT);
      const children: NamespacedName[] = [];
      for (const child of isRendered ? (rendered?.kustomizations ?? []) : []) {
        const name = formatNamespacedName(child);
        const claimedBy = parents.get(name);
        if (claimedBy !== undefined) {
          // The first one found stays. Which of the two is meant nobody can know, so nothing is pruned.
          doubts.push(`Kustomization ${name} comes from ${parent} and from ${claimedBy}; keep one, or break the cycle`);
          continue;
        }
        parents.set(name, parent);
        children.push({ namespace: child.namespace, name: child.name });
        next.push({ kustomization: child, ...defined({ lastRender: step.lastRender }) });
      }
      if (!isRendered) undeclared.push(...lastDeclared(node, known, remembered, step));
      for (const { object } of stalledHere) {
        if (object.kind !== 'Kustomization') continue;
        const name = formatNamespacedName(object);
        if (!parents.has(name)) parents.set(name, parent);
        undeclared.push(...lastDeclared({ kustomization: object }, known, remembered, step));
      }
      nodes.push({ ...node, children });
    }
    level = next.length > 0 ? next : claimUndeclared(undeclared.splice(0), nodes, parents);
  }
  return {
    nodes,
    fluxObjects,
    stalled,
    leftOut,
    doubts,
    missingSources: [...missingSources.values()],
    secrets: [...secrets],
  };
}

function childrenByParent({ declarations }: Remembered): ReadonlyMap<string, readonly Kustomization[]> {
  const children = new Map<string, Kustomization[]>();
  for (const { by, kustomization } of declarations?.values() ?? []) {
    if (by === undefined) continue;
    const known = children.get(formatNamespacedName(by)) ?? [];
    known.push(kustomization);
    children.set(formatNamespacedName(by), known);
  }
  return children;
}

/** What a Kustomization that cannot be read, or is suspended, declared last, each with what it goes on from. */
function lastDeclared(
  { kustomization, render }: { readonly kustomization: NamespacedName; readonly render?: RenderState },
  known: ReadonlyMap<string, readonly Kustomization[]>,
  remembered: Remembered,
  step: Step,
): readonly Step[] {
  const { namespace, name } = kustomization;
  const parent = formatNamespacedName(kustomization);
  const children = known.get(parent) ?? [];
  if (render?.kind === 'suspended') {
    // Whoever goes on from an old commit takes the children along.
    const { lastRender, frozen = { suspended: { namespace, name } } } = step;
    return children.map((child) => ({
      kustomization: child,
      ...(lastRender === undefined ? { frozen } : { lastRender }),
    }));
  }
  const heads = remembered.lastRenders?.get(parent)?.heads ?? [];
  const lastRender: LastRender = {
    brokenBy: { namespace, name },
    heads: new Map([
      ...(step.lastRender?.heads ?? []),
      ...heads.map((head) => [formatNamespacedName(head.source), head] as const),
    ]),
  };
  return children.map((child) => ({ kustomization: child, lastRender }));
}

/** Those that nothing else declares by now become children of what is broken or suspended. */
function claimUndeclared(
  undeclared: readonly Step[],
  nodes: KustomizationNode[],
  parents: Map<string, string>,
): readonly Step[] {
  const places = new Map(nodes.map((node, index) => [formatNamespacedName(node.kustomization), index]));
  return undeclared.filter(({ kustomization: { namespace, name }, lastRender, frozen }) => {
    const own = formatNamespacedName({ namespace, name });
    const by = lastRender?.brokenBy ?? frozen?.suspended;
    if (parents.has(own) || by === undefined) return false;
    const parent = formatNamespacedName(by);
    parents.set(own, parent);
    const place = places.get(parent);
    const node = place === undefined ? undefined : nodes[place];
    if (place !== undefined && node !== undefined) {
      nodes[place] = { ...node, children: [...node.children, { namespace, name }] };
    }
    return true;
  });
}

/** What declares a source may be in a Kustomization that is broken or suspended: what was known last stays true. */
function isIncomplete(nodes: readonly KustomizationNode[], stalled: readonly StalledFluxObject[]): boolean {
  return (
    nodes.some((node) => node.render.kind !== 'rendered') ||
    stalled.some(({ object }) => object.kind === 'Kustomization')
  );
}

function withoutSource({ kustomization, lastRender, frozen }: Step): KustomizationNode {
  const source = `${kustomization.sourceRef.kind} ${formatNamespacedName(kustomization.sourceRef)}`;
  const message = `source ${source} is not in the cluster's folder, or is stalled; add it, or mend spec.sourceRef`;
  return {
    kustomization,
    revision: '',
    children: [],
    stalled: true,
    render: failed('ArtifactFailed', message),
    ...(lastRender !== undefined && { lastRender: { brokenBy: lastRender.brokenBy, isPinned: false } }),
    ...defined({ frozen }),
  };
}

interface Visit {
  readonly node: KustomizationNode;
  readonly step: Step;
  readonly rendered?: RenderedNode;
  readonly missingSource?: SourceKey;
}

interface VisitContext {
  readonly isRoot: boolean;
  readonly folder: ClusterFolder;
  readonly remembered: Remembered;
}

async function visit(
  step: Step,
  { isRoot, folder, remembered }: VisitContext,
  sources: SourceReader,
  secrets: Set<string>,
  ports: ReconcilePorts,
): Promise<Visit> {
  const { kustomization, lastRender, frozen } = step;
  // Until the root is rendered, nobody knows what it is called but from the last time.
  const named = isRoot ? (lastRoot(remembered) ?? kustomization) : kustomization;
  let node: Omit<KustomizationNode, 'render'> = {
    kustomization: named,
    revision: '',
    children: [],
    stalled: false,
    ...defined({ frozen }),
  };
  const missingSource = { cluster: folder.cluster, ...kustomization.sourceRef };
  let head: SourceHead | undefined;
  try {
    const pinned = await findPinned(step, sources);
    if (lastRender !== undefined) {
      node = { ...node, lastRender: { brokenBy: lastRender.brokenBy, isPinned: pinned !== undefined } };
    }
    head = pinned ?? (await sources.head(kustomization.sourceRef));
    if (head === undefined) {
      const { kind, namespace, name } = kustomization.sourceRef;
      const message = `source ${kind} ${namespace}/${name} has no artifact yet`;
      return { node: { ...node, render: failed('ArtifactFailed', message) }, step, missingSource };
    }
    node = { ...node, revision: head.revision };
    if (kustomization.suspend) return { node: { ...node, render: { kind: 'suspended', ready: true } }, step };
    const at = head;
    const noteSecrets = (values: readonly string[]): void => values.forEach((value) => secrets.add(value));
    const rendered = redactStalled(
      await sources.use(at, (source) => {
        const request = { kustomization, folder, source, noteSecrets };
        return isRoot ? renderRoot({ ...request, head: at }, ports) : renderNode(request, ports);
      }),
      secrets,
    );
    const render: RenderState = rendered.kustomization.suspend
      ? { kind: 'suspended', ready: true }
      : { kind: 'rendered', objects: rendered.objects };
    const { kustomization: resolved, locate } = rendered;
    return { node: { ...node, kustomization: resolved, render, locate }, step, rendered };
  } catch (error) {
    const reason = error instanceof TidegateError ? error.code : 'BuildFailed';
    const stalled = error instanceof TidegateError && error.disposition === 'stall';
    const message = redactValues(describeError(error), [...secrets]);
    if (head !== undefined && reason === 'ArtifactFailed' && (await isGone(head, sources))) {
      const asked = `${message}; source-sync is asked for it`;
      return { node: { ...node, render: failed(reason, asked) }, step, missingSource };
    }
    return { node: { ...node, stalled, render: failed(reason, message) }, step };
  }
}

/** Whether an artifact is not there; while nobody can say, it is taken to be. */
async function isGone(head: SourceHead, sources: SourceReader): Promise<boolean> {
  try {
    return !(await sources.isStored(head));
  } catch {
    return false;
  }
}

/** The source as it was when the Kustomization was declared; nothing when that is not known, or gone from the store. */
async function findPinned({ kustomization, lastRender }: Step, sources: SourceReader): Promise<SourceHead | undefined> {
  const head = lastRender?.heads.get(formatNamespacedName(kustomization.sourceRef));
  return head !== undefined && (await sources.isStored(head)) ? head : undefined;
}

function lastRoot({ declarations }: Remembered): Kustomization | undefined {
  return [...(declarations?.values() ?? [])].find(({ by }) => by === undefined)?.kustomization;
}

function redactStalled(rendered: RenderedNode, secrets: ReadonlySet<string>): RenderedNode {
  const stalled = rendered.stalled.map((one) => ({
    ...one,
    problems: one.problems.map((problem) => ({ ...problem, message: redactValues(problem.message, [...secrets]) })),
  }));
  return { ...rendered, stalled };
}

function failed(reason: string, message: string): RenderState {
  return { kind: 'failed', reason, message };
}
