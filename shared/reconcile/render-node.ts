import type { KubernetesObject, ObjectId } from '#shared/api/kubernetes-object.ts';
import { formatObjectId, objectIdOf } from '#shared/api/kubernetes-object.ts';
import type { Kustomization } from '#shared/api/kustomization.ts';
import { createFieldLocator } from '#shared/api/locate-field.ts';
import { INSTRUCTION_NAMESPACE } from '#shared/api/names.ts';
import type { Instruction, ParsedInstruction } from '#shared/api/parse-instruction.ts';
import { parseInstruction } from '#shared/api/parse-instruction.ts';
import { formatNamespacedName, ROOT_NAME } from '#shared/api/resource-key.ts';
import type { Problem } from '#shared/errors/problem.ts';
import { formatProblem } from '#shared/errors/problem.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { SourceTree } from '#shared/ports/source-tree.ts';
import { planRender } from '#shared/render/plan-render.ts';
import type { RenderPlan } from '#shared/render/plan-render.ts';
import { renderKustomization } from '#shared/render/render-kustomization.ts';
import { resolveRoot } from '#shared/render/resolve-root.ts';
import { splitInstructions } from '#shared/render/split-instructions.ts';
import type { ClusterFolder, StalledInstruction } from './desired-state.ts';
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
}

export interface NodeRequest {
  readonly kustomization: Kustomization;
  readonly folder: ClusterFolder;
  readonly files: SourceTree;
  /** Takes every value that came from a Secret of the cluster, so that the caller shows none of them. */
  readonly noteSecrets: (values: readonly string[]) => void;
}

type RenderPorts = Pick<ReconcilePorts, 'renderer' | 'renders' | 'api'>;

/** @throws TidegateError `BuildFailed` (stall) with all problems, each with its place. */
export async function renderNode(request: NodeRequest, ports: RenderPorts): Promise<RenderedNode> {
  const rendered = await render(request, ports);
  if (formatNamespacedName(request.kustomization) !== formatNamespacedName(ROOT_NAME)) return rendered;

  const resolved = resolveRoot(rendered.kustomizations, request.folder.path);
  // What the repository says of its own root (patches, substitutions) may change all that the root renders.
  const node = resolved.declared ? await render({ ...request, kustomization: resolved.root }, ports) : rendered;
  return {
    ...node,
    kustomizations: resolveRoot(node.kustomizations, request.folder.path).others,
    leftOut: [
      ...node.leftOut,
      ...resolved.repeated.map(
        (one) =>
          `Kustomization ${formatNamespacedName(one)} has the root's own source and path; the root is applied once`,
      ),
    ],
  };
}

async function render(request: NodeRequest, ports: RenderPorts): Promise<RenderedNode> {
  const { kustomization } = request;
  const substitutions = await readSubstitutions(kustomization, ports.api);
  request.noteSecrets(substitutions.secrets);
  const planned = planRender(request.files, kustomization, substitutions.referenced, ports.renderer.version);
  if (planned.outcome === 'failed') throw buildFailed(kustomization, planned.problems);

  const rendered = await renderOnce(planned.plan, kustomization, ports);
  const { objects, instructions, fluxComponents } = splitInstructions(rendered);
  const parsed = instructions.map((object) =>
    parseInstruction(object, locatorFor(object, planned.plan, request.files)),
  );
  const followed = parsed.filter((one) => one.outcome === 'parsed');
  return {
    kustomization,
    objects,
    kustomizations: followed.flatMap((one) => (one.kind === 'Kustomization' ? [one.instruction] : [])),
    instructions: followed.filter((one) => one.kind !== 'Kustomization'),
    stalled: parsed.flatMap((one) => (one.outcome === 'parsed' ? [] : [toStalled(one, request.folder.cluster)])),
    leftOut: fluxComponents.length === 0 ? [] : [describeLeftOut(fluxComponents)],
  };
}

async function renderOnce(
  plan: RenderPlan,
  kustomization: Kustomization,
  ports: RenderPorts,
): Promise<readonly KubernetesObject[]> {
  const known = ports.renders.get(plan.cacheKey);
  if (known !== undefined) return known;
  const result = await renderKustomization(plan, ports, kustomization.timeoutMs);
  if (result.outcome === 'failed') throw buildFailed(kustomization, result.problems);
  ports.renders.set(result.cacheKey, result.objects);
  return result.objects;
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

function toStalled(
  one: Exclude<ParsedInstruction, { readonly outcome: 'parsed' }>,
  cluster: string,
): StalledInstruction {
  const { kind, name, namespace } = one.identity;
  return {
    object: { cluster, kind, name, namespace: namespace === '' ? INSTRUCTION_NAMESPACE : namespace },
    reason: one.outcome === 'unsupported' ? 'UnsupportedKind' : 'InvalidSpec',
    problems: one.problems,
  };
}

function describeLeftOut(components: readonly KubernetesObject[]): string {
  const [first] = components;
  const example = first === undefined ? '' : `, ${formatObjectId(objectIdOf(first))} among them`;
  return `${components.length} objects that install Flux's own controllers are left out${example}: Tidegate takes their place`;
}
