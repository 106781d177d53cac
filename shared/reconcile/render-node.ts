import { namespaceOf } from '#shared/flux/kind-schema.ts';
import {
  formatObjectId,
  objectIdOf,
  objectKey,
  type KubernetesObject,
  type ObjectId,
} from '#shared/kubernetes/kubernetes-object.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { problemAt } from '#shared/yaml-edit/describe-issues.ts';
import { createFieldLocator, locateObject } from '#shared/kubernetes/locate-field.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';
import { INSTRUCTION_NAMESPACE } from '#shared/kubernetes/names.ts';
import { parseInstruction, type Instruction, type ParsedInstruction } from '#shared/flux/parse-flux-object.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { formatProblem, type Problem } from '#shared/common/problem.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { recordInstruction } from '#shared/records/lay-out-flux-objects.ts';
import { MAX_RECORD_BYTES, recordBytes, whyOversized } from '#shared/journal/refuse-oversized-write.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { planRender, type RenderPlan } from '#shared/render/plan-render.ts';
import { renderKustomization, type RenderResult } from '#shared/render/render-kustomization.ts';
import { splitInstructions } from '#shared/render/split-flux-objects.ts';
import type { ClusterFolder, Locate, StalledInstruction } from './desired-state.ts';
import { explainServiceAccount } from './explain-service-account.ts';
import { markSecretFields } from './mark-secret-fields.ts';
import type { OpenSource } from './read-sources.ts';
import { readSubstitutions } from './read-substitutions.ts';
import type { ReconcilePorts } from './reconcile-ports.ts';

/** What one Kustomization brings: objects for the cluster, and instructions for Tidegate. */
export interface RenderedNode {
  /** As given; for the root, as the repository itself says the root is to be applied. */
  readonly kustomization: Kustomization;
  readonly objects: readonly KubernetesObject[];
  readonly kustomizations: readonly Kustomization[];
  readonly instructions: readonly Instruction[];
  readonly stalled: readonly StalledInstruction[];
  readonly leftOut: readonly string[];
  readonly locate: Locate;
  /** All instructions, followed or not, beside what they say in full. */
  readonly written: readonly WrittenInstruction[];
}

/** An instruction as rendered, and what became of it. */
export interface WrittenInstruction {
  readonly object: KubernetesObject;
  readonly parsed: ParsedInstruction;
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
  const { objects, instructions, fluxComponents } = splitInstructions(marked.objects);
  const written = parseOnce(instructions, repeated, planned.plan, request);
  const followed = written.flatMap(({ parsed }) => (parsed.outcome === 'parsed' ? [parsed] : []));
  return {
    kustomization,
    objects,
    kustomizations: followed.flatMap((one) => (one.kind === 'Kustomization' ? [one.instruction] : [])),
    instructions: followed.filter((one) => one.kind !== 'Kustomization'),
    stalled: written.flatMap(({ parsed }) => (parsed.outcome === 'parsed' ? [] : [toStalled(parsed, request.folder)])),
    leftOut: fluxComponents.length === 0 ? [] : [describeLeftOut(fluxComponents)],
    locate: createLocator(planned.plan, source.keep(planned.plan.files.keys())),
    written,
  };
}

/**
 * Reads instructions; of those with one name none is followed, because nobody can know which is meant.
 * @param repeated those that the build itself refused to read again, in one place or several.
 */
function parseOnce(
  instructions: readonly KubernetesObject[],
  repeated: readonly KubernetesObject[],
  plan: RenderPlan,
  { source: { files }, folder }: Pick<NodeRequest, 'source' | 'folder'>,
): readonly WrittenInstruction[] {
  const nameOf = (object: KubernetesObject): string =>
    objectKey({ ...objectIdOf(object), namespace: namespaceOf(object) });
  const byName = Map.groupBy([...instructions, ...repeated], nameOf);
  const refused = new Set(repeated.map(nameOf));
  return [...byName].flatMap(([key, [object, ...again]]): readonly WrittenInstruction[] => {
    if (object === undefined) return [];
    const isOne = again.length === 0 && !refused.has(key);
    const locate = locatorFor(object, plan, files);
    const parsed = isOne
      ? refuseOversized(parseInstruction(object, locate), object, locate, folder.cluster)
      : refuseRepeated(object, plan, files);
    return [{ object, parsed }];
  });
}

/** One that is larger than a record may be reaches none of those who would follow it; it alone stalls. */
function refuseOversized(
  parsed: ParsedInstruction,
  object: KubernetesObject,
  locate: FieldLocator,
  cluster: string,
): ParsedInstruction {
  if (parsed.outcome !== 'parsed' || parsed.kind === 'Kustomization') return parsed;
  const record = recordInstruction(cluster, parsed);
  const bytes = recordBytes(record);
  if (whyOversized(record, bytes) === undefined) return parsed;
  const message = `makes a record of ${bytes} bytes; allowed: ${MAX_RECORD_BYTES}, with a name of at most 253 characters`;
  const identity = { ...objectIdOf(object), namespace: namespaceOf(object) };
  return { outcome: 'invalid', identity, problems: [problemAt(locate, ['spec'], 'present', message)] };
}

function refuseRepeated(object: KubernetesObject, plan: RenderPlan, files: SourceTree): ParsedInstruction {
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
    return { file, ...(line === undefined ? {} : { line }) };
  };
}

export function toStalled(
  one: Exclude<ParsedInstruction, { readonly outcome: 'parsed' }>,
  { cluster, namespaces }: ClusterFolder,
): StalledInstruction {
  const { kind, name, namespace } = one.identity;
  const stalled: StalledInstruction = {
    object: { cluster, kind, name, namespace: namespace === '' ? INSTRUCTION_NAMESPACE : namespace },
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
