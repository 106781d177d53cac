import type { Problem } from '#shared/common/problem.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';
import type { Renderer } from '#shared/ports/renderer.ts';

import { cutRepeated } from './cut-repeated.ts';
import { locateBrokenYaml } from './locate-broken-yaml.ts';
import type { RenderPlan } from './plan-render.ts';
import { readManifests } from './read-manifests.ts';
import { substituteVariables } from './substitute-variables.ts';

/** Each is a build of its own: more Flux objects than people write twice by mistake. */
const MAX_REPEATED = 20;

/** What a Kustomization renders to. `failed` is Flux's reason `BuildFailed`: a person has to change something. */
export type RenderResult =
  | {
      readonly outcome: 'rendered';
      readonly objects: readonly KubernetesObject[];
      readonly cacheKey: string;
      /** Flux objects that are written more than once, each time they are, and are not among the objects. */
      readonly repeated: readonly KubernetesObject[];
    }
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
  const built = await build(plan, ports.renderer, timeoutMs);
  if (built.outcome === 'failed') return built;
  const substituted = substituteVariables(built.stream, plan.variables);
  if (substituted.outcome === 'refused') return failed(plan, substituted.messages);
  const manifests = readManifests(substituted.text, substituted.originals);
  if (manifests.outcome === 'refused') return failed(plan, manifests.messages);
  const objects = manifests.objects.map((object) => withCommonMetadata(object, plan.commonMetadata));
  return { outcome: 'rendered', objects, cacheKey: plan.cacheKey, repeated: built.repeated };
}

interface Built {
  readonly outcome: 'built';
  readonly stream: string;
  readonly repeated: readonly KubernetesObject[];
}

/** Builds, and builds again without what is written twice, as long as that is one of Tidegate's own Flux objects. */
async function build(
  plan: RenderPlan,
  renderer: Renderer,
  timeoutMs: number,
): Promise<Built | Extract<RenderResult, { readonly outcome: 'failed' }>> {
  let { files } = plan;
  const repeated: KubernetesObject[] = [];
  for (let left = MAX_REPEATED; ; left -= 1) {
    try {
      return { outcome: 'built', stream: await renderer.build({ files, path: plan.folder, timeoutMs }), repeated };
    } catch (error) {
      if (!(error instanceof TidegateError) || error.code !== 'BuildFailed') throw error;
      const cut = left > 0 ? cutRepeated(files, error.message) : undefined;
      if (cut === undefined) {
        const broken = locateBrokenYaml(plan.files, error.message);
        return broken.length > 0 ? { outcome: 'failed', problems: broken } : failed(plan, [error.message]);
      }
      ({ files } = cut);
      repeated.push(...cut.repeated);
    }
  }
}

/** Adds labels and annotations to an object; they win over its own, as in Flux. */
export function withCommonMetadata(
  object: KubernetesObject,
  common: Kustomization['commonMetadata'],
): KubernetesObject {
  if (common.labels === undefined && common.annotations === undefined) return object;
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

function failed(plan: RenderPlan, messages: readonly string[]): Extract<RenderResult, { readonly outcome: 'failed' }> {
  return {
    outcome: 'failed',
    problems: messages.map((message) => ({ file: plan.kustomizationFile, field: '', message })),
  };
}
