import type { KubernetesObject } from '#shared/api/kubernetes-object.ts';
import type { Kustomization } from '#shared/api/kustomization.ts';
import type { Problem } from '#shared/errors/problem.ts';
import { TidegateError } from '#shared/errors/tidegate-error.ts';
import type { Renderer } from '#shared/ports/renderer.ts';
import type { RenderPlan } from './plan-render.ts';
import { readManifests } from './read-manifests.ts';
import { substituteVariables } from './substitute-variables.ts';

/** What a Kustomization renders to. `failed` is Flux's reason `BuildFailed`: a person has to change something. */
export type RenderResult =
  | { readonly outcome: 'rendered'; readonly objects: readonly KubernetesObject[]; readonly cacheKey: string }
  | { readonly outcome: 'failed'; readonly problems: readonly Problem[] };

/**
 * Renders one planned Kustomization: build, fill in variables, read, add the common metadata. In Flux's order, so that
 * variables are not filled into common metadata.
 *
 * @throws TidegateError when the renderer itself is broken or too busy; a build that fails is a result.
 */
export async function renderKustomization(
  plan: RenderPlan,
  ports: { readonly renderer: Renderer },
  timeoutMs: number,
): Promise<RenderResult> {
  let stream: string;
  try {
    stream = await ports.renderer.build({ files: plan.files, path: plan.folder, timeoutMs });
  } catch (error) {
    if (error instanceof TidegateError && error.code === 'BuildFailed') {
      return failed(plan, [error.message]);
    }
    throw error;
  }
  const substituted = substituteVariables(stream, plan.variables);
  if (substituted.outcome === 'refused') {
    return failed(plan, substituted.messages);
  }
  const manifests = readManifests(substituted.text, substituted.originals);
  if (manifests.outcome === 'refused') {
    return failed(plan, manifests.messages);
  }
  const objects = manifests.objects.map((object) => withCommonMetadata(object, plan.commonMetadata));
  return { outcome: 'rendered', objects, cacheKey: plan.cacheKey };
}

/** Adds labels and annotations to an object; they win over its own, as in Flux. */
export function withCommonMetadata(
  object: KubernetesObject,
  common: Kustomization['commonMetadata'],
): KubernetesObject {
  if (common.labels === undefined && common.annotations === undefined) {
    return object;
  }
  const { metadata } = object;
  return {
    ...object,
    metadata: {
      ...metadata,
      ...(common.labels !== undefined && { labels: { ...metadata.labels, ...common.labels } }),
      ...(common.annotations !== undefined && { annotations: { ...metadata.annotations, ...common.annotations } }),
    },
  };
}

function failed(plan: RenderPlan, messages: readonly string[]): RenderResult {
  return {
    outcome: 'failed',
    problems: messages.map((message) => ({ file: plan.kustomizationFile, field: '', message })),
  };
}
