import { defined } from '#shared/common/defined.ts';
import { formatExactJson } from '#shared/common/exact-json.ts';
import { isRecord } from '#shared/common/is-record.ts';
import { formatProblem } from '#shared/common/problem.ts';
import { describeError, TidegateError } from '#shared/common/tidegate-error.ts';
import { namespaceOf } from '#shared/flux/kind-schema.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { readPostBuild } from '#shared/flux/kinds/parse-kustomization.ts';
import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { SourceHead } from '#shared/records/journal-record.ts';
import { expandVariables } from '#shared/render/expand-variables.ts';
import { mayExpandTo } from '#shared/render/may-expand-to.ts';
import {
  compareAsRoots,
  defaultRoot,
  isClusterFolder,
  isNamedAsRoot,
  resolveRoot,
} from '#shared/render/resolve-root.ts';
import { mergeVariables } from '#shared/render/substitute-variables.ts';

import { rootSources, type Fill } from './is-root-source.ts';
import { readSubstitutions } from './read-substitutions.ts';
import {
  renderNode,
  toStalled,
  type NodeRequest,
  type RenderedNode,
  type RenderPorts,
  type WrittenFluxObject,
} from './render-node.ts';

/** What the root says of itself may change what it says of itself: once or twice, where people mean it. */
const MAX_RENDERS = 6;

/**
 * Renders the cluster's folder as the folder itself says: first with defaults, then with what the Kustomization says that
 * stands for the root (its variables may lead to its own path, its patches to its own fields), until it says the same again.
 *
 * @param request.kustomization the defaults.
 * @throws TidegateError when the root cannot be followed: nothing of it is then applied, because half of its settings
 * would be other settings. `InvalidSpec` and `UnsupportedKind` name the field to change.
 */
export async function renderRoot(
  request: NodeRequest & { readonly head: SourceHead },
  ports: RenderPorts,
): Promise<RenderedNode> {
  let root = request.kustomization;
  for (let renders = 1; renders <= MAX_RENDERS; renders += 1) {
    const node = await renderNode({ ...request, kustomization: root }, ports);
    const next = await findRoot(node, request, ports);
    if (JSON.stringify(next) === JSON.stringify(root)) return asRoot(node, request);
    root = next;
  }
  throw new TidegateError(
    'BuildFailed',
    `spec: the root, Kustomization ${formatNamespacedName(root)}, changes itself with each render, and did not settle in ${MAX_RENDERS}; keep its patches and variables away from itself`,
    { disposition: 'stall', subject: `Kustomization ${formatNamespacedName(root)}` },
  );
}

function asRoot(node: RenderedNode, { folder, head }: NodeRequest & { readonly head: SourceHead }): RenderedNode {
  const { others, repeated } = resolveRoot(node.kustomizations, folder.path, sourcesOf(node, head, asWritten));
  return {
    ...node,
    kustomizations: others,
    leftOut: [
      ...node.leftOut,
      ...repeated.map(
        (one) =>
          `Kustomization ${formatNamespacedName(one)} has the root's own source and path; the root is applied once`,
      ),
    ],
  };
}

/** The root as this render describes it. */
async function findRoot(
  node: RenderedNode,
  request: NodeRequest & { readonly head: SourceHead },
  ports: RenderPorts,
): Promise<Kustomization> {
  const { folder, head } = request;
  const claims = node.written
    .filter(({ object, parsed }) => isKustomization(object, parsed))
    .map((one) => ({ ...one, ...claimOf(one.object) }))
    .sort(compareAsRoots);
  const isClaimed = (claim: Claim, fill: Fill): boolean =>
    sourcesOf(node, head, fill)(filled(claim.source, fill)) && isClusterFolder(fill(claim.path), folder.path);

  // One that is stalled and named as the root claims to be it, wherever the field that is wrong leads it.
  const literal = claims.find(
    (claim) => isClaimed(claim, asWritten) || (claim.parsed.outcome !== 'parsed' && isNamedAsRoot(claim)),
  );
  if (literal !== undefined) return follow(literal, node, request);

  let doubt: TidegateError | undefined;
  for (const claim of claims.filter((one) => needsVariables(one) && mayExpandTo(one.path, folder.path))) {
    try {
      const fill = await ownVariables(claim, request, ports);
      if (isClaimed(claim, fill)) return withOwnVariables(claim, folder.path);
    } catch (error) {
      if (!sourcesOf(node, head, asWritten)(claim.source)) continue;
      doubt ??= new TidegateError(
        'BuildFailed',
        `Kustomization ${formatNamespacedName(claim)} may be the root, and its path ${claim.path} cannot be filled in: ${describeError(error)}`,
        { disposition: 'wait', cause: error },
      );
    }
  }
  if (doubt !== undefined) throw doubt;
  return defaultRoot(folder.path);
}

interface Claim extends NamespacedName {
  readonly object: KubernetesObject;
  readonly parsed: WrittenFluxObject['parsed'];
  readonly source: NamespacedName;
  readonly path: string;
}

/** What a Kustomization says of its source and path, whether or not it can be followed otherwise. */
function claimOf(object: KubernetesObject): Pick<Claim, 'namespace' | 'name' | 'source' | 'path'> {
  const spec = isRecord(object['spec']) ? object['spec'] : {};
  const ref = isRecord(spec['sourceRef']) ? spec['sourceRef'] : {};
  const namespace = namespaceOf(object);
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return {
    namespace,
    name: object.metadata.name,
    source: { namespace: text(ref['namespace']) || namespace, name: text(ref['name']) },
    path: text(spec['path']),
  };
}

function isKustomization(object: KubernetesObject, parsed: WrittenFluxObject['parsed']): boolean {
  return parsed.outcome === 'parsed'
    ? parsed.kind === 'Kustomization'
    : object.kind === 'Kustomization' && parsed.identity.group === 'kustomize.toolkit.fluxcd.io';
}

/** The root as declared; or with its variables first, where it is only invalid because they are not filled in yet. */
function follow(claim: Claim, node: RenderedNode, request: NodeRequest): Kustomization {
  const { parsed } = claim;
  if (parsed.outcome === 'parsed') {
    return resolveRoot(parsed.kind === 'Kustomization' ? [parsed.fluxObject] : [], request.folder.path, () => true)
      .root;
  }
  const isFilled = JSON.stringify(readPostBuild(claim.object)) === JSON.stringify(node.kustomization.postBuild);
  if (!isFilled && formatExactJson(claim.object).includes('$')) return withOwnVariables(claim, request.folder.path);
  const stalled = toStalled(parsed, request.folder);
  throw new TidegateError(
    stalled.reason,
    `the root, Kustomization ${formatNamespacedName(claim)}, cannot be followed, so nothing of it is applied and everything stays as it is: ${stalled.problems.map(formatProblem).join('\n')}`,
    { disposition: 'stall', subject: `Kustomization ${formatNamespacedName(claim)}` },
  );
}

/** As little as is needed to fill the root's variables into what it renders, itself among it. */
function withOwnVariables({ namespace, name, object }: Claim, path: string): Kustomization {
  const postBuild = readPostBuild(object);
  return { ...defaultRoot(path), namespace, name, ...defined({ postBuild }) };
}

async function ownVariables(claim: Claim, request: NodeRequest, ports: RenderPorts): Promise<Fill> {
  const own = withOwnVariables(claim, request.folder.path);
  const substitutions = await readSubstitutions(own, ports.api);
  request.noteSecrets(substitutions.secrets);
  const variables = mergeVariables(substitutions.referenced, own.postBuild?.substitute ?? {});
  return (text) => {
    const expansion = expandVariables(text, variables);
    if (expansion.outcome === 'refused') throw new Error(expansion.message);
    return expansion.text;
  };
}

function needsVariables({ object, path, source }: Claim): boolean {
  return readPostBuild(object) !== undefined && `${path} ${source.namespace} ${source.name}`.includes('$');
}

function sourcesOf(node: RenderedNode, head: SourceHead, fill: Fill): (source: NamespacedName) => boolean {
  return rootSources(
    node.written.map(({ object }) => object).filter(({ kind }) => kind === 'GitRepository'),
    head,
    // The address of another repository may hold variables that are not the root's to fill.
    (text) => attempt(() => fill(text)) ?? text,
  );
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function filled({ namespace, name }: NamespacedName, fill: Fill): NamespacedName {
  return { namespace: fill(namespace), name: fill(name) };
}

function asWritten(text: string): string {
  return text;
}
