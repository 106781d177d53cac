import { defined } from '#shared/common/defined.ts';
import { formatProblem, type Problem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { namespaceOf } from '#shared/flux/kind-schema.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { parseFluxObject, type FluxObject, type ParsedFluxObject } from '#shared/flux/parse-flux-object.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { MAX_RECORD_BYTES, recordBytes, whyOversized } from '#shared/journal/refuse-oversized-write.ts';
import {
  formatObjectId,
  objectIdOf,
  objectKey,
  type KubernetesObject,
  type ObjectId,
} from '#shared/kubernetes/kubernetes-object.ts';
import { createFieldLocator, locateObject } from '#shared/kubernetes/locate-field.ts';
import { FLUX_SYSTEM_NAMESPACE } from '#shared/kubernetes/names.ts';
import { recordFluxObject } from '#shared/records/lay-out-flux-objects.ts';
import { planRender, type RenderPlan } from '#shared/render/plan-render.ts';
import { renderKustomization, type RenderResult } from '#shared/render/render-kustomization.ts';
import { splitFluxObjects } from '#shared/render/split-flux-objects.ts';
import { problemAt } from '#shared/yaml-edit/describe-issues.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import type { ClusterFolder, Locate, StalledFluxObject } from './desired-state.ts';
import { explainServiceAccount } from './explain-service-account.ts';
import { markSecretFields } from './mark-secret-fields.ts';
import type { OpenSource } from './read-sources.ts';
import { readSubstitutions } from './read-substitutions.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';

/** What one Kustomization brings: objects for the cluster, and Flux objects for Tidegate. */
export interface RenderedNode {
  /** As given; for the root, as the repository itself says the root is to be applied. */
  readonly kustomization: Kustomization;
  readonly objects: readonly KubernetesObject[];
  readonly kustomizations: readonly Kustomization[];
  readonly fluxObjects: readonly FluxObject[];
  readonly stalled: readonly StalledFluxObject[];
  readonly leftOut: readonly string[];
  readonly locate: Locate;
  /** All Flux objects, followed or not, beside what they say in full. */
  readonly written: readonly WrittenFluxObject[];
}

/** A Flux object as rendered, and what became of it. */
export interface WrittenFluxObject {
  readonly object: KubernetesObject;
  readonly parsed: ParsedFluxObject;
}

export interface NodeRequest {
  readonly kustomization: Kustomization;
  readonly folder: ClusterFolder;
  readonly source: OpenSource;
  /** Takes every value that came from a Secret of the cluster, so that the caller shows none of them. */
  readonly noteSecrets: (values: readonly string[]) => void;
}

export type RenderPorts = Pick<ReconcilePorts, 'renderer' | 'renders' | 'api'>;

/** @throws TidegateError `BuildFailed` (stall) with all problems, each with its place. */
export async function renderNode(request: NodeRequest, ports: RenderPorts): Promise<RenderedNode> {
  const { kustomization, source } = request;
  const substitutions = await readSubstitutions(kustomization, ports.api);
  request.noteSecrets(substitutions.secrets);
  const planned = planRender(source.files, kustomization, substitutions.referenced, ports.renderer.version);
  if (planned.outcome === 'failed') throw buildFailed(kustomization, planned.problems);

  const { objects: rendered, repeated } = await renderOnce(planned.plan, kustomization, ports);
  const marked = markSecretFields(rendered, substitutions.secretNames, planned.plan.variables);
  request.noteSecrets(marked.values);
  const { objects, fluxObjects, fluxComponents } = splitFluxObjects(marked.objects);
  const written = parseOnce(fluxObjects, repeated, planned.plan, request);
  const followed = written.flatMap(({ parsed }) => (parsed.outcome === 'parsed' ? [parsed] : []));
  return {
    kustomization,
    objects,
    kustomizations: followed.flatMap((one) => (one.kind === 'Kustomization' ? [one.fluxObject] : [])),
    fluxObjects: followed.filter((one) => one.kind !== 'Kustomization'),
    stalled: written.flatMap(({ parsed }) => (parsed.outcome === 'parsed' ? [] : [toStalled(parsed, request.folder)])),
    leftOut: fluxComponents.length === 0 ? [] : [describeLeftOut(fluxComponents)],
    locate: createLocator(planned.plan, source.keep(planned.plan.files.keys())),
    written,
  };
}

/**
 * Reads Flux objects; of those with one name none is followed, because nobody can know which is meant.
 * @param repeated those that the build itself refused to read again, in one place or several.
 */
function parseOnce(
  fluxObjects: readonly KubernetesObject[],
  repeated: readonly KubernetesObject[],
  plan: RenderPlan,
  { source: { files }, folder }: Pick<NodeRequest, 'source' | 'folder'>,
): readonly WrittenFluxObject[] {
  const nameOf = (object: KubernetesObject): string =>
    objectKey({ ...objectIdOf(object), namespace: namespaceOf(object) });
  const byName = Map.groupBy([...fluxObjects, ...repeated], nameOf);
  const refused = new Set(repeated.map(nameOf));
  return [...byName].flatMap(([key, [object, ...again]]): readonly WrittenFluxObject[] => {
    if (object === undefined) return [];
    const isOne = again.length === 0 && !refused.has(key);
    const locate = locatorFor(object, plan, files);
    const parsed = isOne
      ? refuseOversized(parseFluxObject(object, locate), object, locate, folder.cluster)
      : refuseRepeated(object, plan, files);
    return [{ object, parsed }];
  });
}

/** One that is larger than a record may be reaches none of those who would follow it; it alone stalls. */
function refuseOversized(
  parsed: ParsedFluxObject,
  object: KubernetesObject,
  locate: FieldLocator,
  cluster: string,
): ParsedFluxObject {
  if (parsed.outcome !== 'parsed' || parsed.kind === 'Kustomization') return parsed;
  const record = recordFluxObject(cluster, parsed);
  const bytes = recordBytes(record);
  if (whyOversized(record, bytes) === undefined) return parsed;
  const message = `makes a record of ${bytes} bytes; allowed: ${MAX_RECORD_BYTES}, with a name of at most 253 characters`;
  const identity = { ...objectIdOf(object), namespace: namespaceOf(object) };
  return { outcome: 'invalid', identity, problems: [problemAt(locate, ['spec'], 'present', message)] };
}

function refuseRepeated(object: KubernetesObject, plan: RenderPlan, files: SourceTree): ParsedFluxObject {
  const identity = { ...objectIdOf(object), namespace: namespaceOf(object) };
  const [first, ...others] = locateObject({ files, id: identity, folder: plan.folder });
  const also = others.map((place) => [place.file, place.line].filter((part) => part !== undefined).join(':'));
  const where = also.length === 0 ? 'is included more than once' : `is written here and at ${also.join(', ')}`;
  const message = `is ${formatObjectId(identity)}, which ${where}; keep one: which is meant nobody can know, so none is followed`;
  return {
    outcome: 'invalid',
    identity,
    problems: [{ ...(first ?? { file: plan.kustomizationFile }), field: 'metadata.name', message }],
  };
}

async function renderOnce(
  plan: RenderPlan,
  kustomization: Kustomization,
  ports: RenderPorts,
): Promise<Pick<Extract<RenderResult, { readonly outcome: 'rendered' }>, 'objects' | 'repeated'>> {
  const known = ports.renders.get(plan.cacheKey);
  if (known !== undefined) return { objects: known, repeated: [] };
  const result = await renderKustomization(plan, ports, kustomization.timeoutMs);
  if (result.outcome === 'failed') throw buildFailed(kustomization, result.problems);
  // What was left out is not among the objects: it is found again by the next build.
  if (result.repeated.length === 0) ports.renders.set(result.cacheKey, result.objects);
  return result;
}

function buildFailed(kustomization: Kustomization, problems: readonly Problem[]): TidegateError {
  return new TidegateError('BuildFailed', problems.map(formatProblem).join('\n'), {
    disposition: 'stall',
    subject: `Kustomization ${formatNamespacedName(kustomization)}`,
  });
}

function locatorFor(
  object: KubernetesObject,
  plan: RenderPlan,
  files: SourceTree,
): ReturnType<typeof createFieldLocator> {
  const id: ObjectId = objectIdOf(object);
  return createFieldLocator({ files, id, folder: plan.folder, kustomizationFile: plan.kustomizationFile });
}

/**
 * A field that is not written there is found at what would hold it.
 * @param files what the build read, as far as it is kept.
 */
function createLocator({ folder, kustomizationFile }: RenderPlan, files: SourceTree): Locate {
  return (id, path) => {
    const { file, line } = createFieldLocator({ files, id, folder, kustomizationFile })(path, 'missing');
    return { file, ...defined({ line }) };
  };
}

export function toStalled(
  one: Exclude<ParsedFluxObject, { readonly outcome: 'parsed' }>,
  { cluster, namespaces }: ClusterFolder,
): StalledFluxObject {
  const { kind, name, namespace } = one.identity;
  const stalled: StalledFluxObject = {
    object: { cluster, kind, name, namespace: namespace === '' ? FLUX_SYSTEM_NAMESPACE : namespace },
    reason: one.outcome === 'unsupported' ? 'UnsupportedKind' : 'InvalidSpec',
    problems: one.problems,
  };
  return explainServiceAccount(stalled, namespaces);
}

function describeLeftOut(components: readonly KubernetesObject[]): string {
  const [first] = components;
  const example = first === undefined ? '' : `, ${formatObjectId(objectIdOf(first))} among them`;
  return `${components.length} objects that install Flux's own controllers are left out${example}: Tidegate takes their place`;
}
