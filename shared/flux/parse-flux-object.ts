import type { Problem } from '#shared/common/problem.ts';
import { VERSION } from '#shared/common/version.ts';
import { parseApiVersion, type KubernetesObject, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { formatValue, problemAt } from '#shared/yaml-edit/describe-issues.ts';
import type { FieldLocator } from '#shared/yaml-edit/field-path.ts';

import { FLUX_KIND_VERSIONS, fluxKindOf, isKnownKind, KUSTOMIZATION_GROUP, listFluxKinds } from './flux-kinds.ts';
import { namespaceOf, type Parsed } from './kind-schema.ts';
import type { GitRepository } from './kinds/git-repository.ts';
import type { ImagePolicy } from './kinds/image-policy.ts';
import type { ImageRepository } from './kinds/image-repository.ts';
import type { ImageUpdateAutomation } from './kinds/image-update-automation.ts';
import type { Kustomization } from './kinds/kustomization.ts';
import { parseGitRepository } from './kinds/parse-git-repository.ts';
import { parseImagePolicy } from './kinds/parse-image-policy.ts';
import { parseImageRepository } from './kinds/parse-image-repository.ts';
import { parseImageUpdateAutomation } from './kinds/parse-image-update-automation.ts';
import { parseKustomization } from './kinds/parse-kustomization.ts';
import type { FluxKind } from './resource-key.ts';

/** A Flux object of any kind, validated. */
export type FluxObject =
  | { readonly kind: 'GitRepository'; readonly fluxObject: GitRepository }
  | { readonly kind: 'Kustomization'; readonly fluxObject: Kustomization }
  | { readonly kind: 'ImageRepository'; readonly fluxObject: ImageRepository }
  | { readonly kind: 'ImagePolicy'; readonly fluxObject: ImagePolicy }
  | { readonly kind: 'ImageUpdateAutomation'; readonly fluxObject: ImageUpdateAutomation };

/**
 * What became of an object of Flux's groups. `unsupported`: its kind or version is not implemented. `invalid`: a field of
 * it is wrong or not implemented. Both make that object `Stalled`, and no other.
 */
export type ParsedFluxObject =
  | ({ readonly outcome: 'parsed' } & FluxObject)
  | {
      readonly outcome: 'unsupported' | 'invalid';
      /** With the namespace filled in, so that the condition finds its place. */
      readonly identity: ObjectId;
      readonly problems: readonly Problem[];
    };

/** Reads one of Tidegate's own Flux objects from a rendered object. */
export function parseFluxObject(object: KubernetesObject, locate: FieldLocator): ParsedFluxObject {
  const { group, version } = parseApiVersion(object.apiVersion);
  const kind = fluxKindOf(group, object.kind);
  // Misspelled or not, nothing else lives in that group: taken for another kind, the Kustomization would be gone.
  const meant = group === KUSTOMIZATION_GROUP ? 'Kustomization' : object.kind;
  const identity: ObjectId = { group, kind: meant, namespace: namespaceOf(object), name: object.metadata.name };
  if (kind === undefined) {
    const state = isKnownKind(group, object.kind)
      ? 'which Tidegate does not implement yet'
      : `which is unknown to Tidegate ${VERSION}`;
    const message = `is ${object.kind} of ${group}, ${state}; implemented: ${listFluxKinds()}`;
    return { outcome: 'unsupported', identity, problems: [problemAt(locate, ['kind'], 'present', message)] };
  }
  if (!FLUX_KIND_VERSIONS.includes(version)) {
    const message = `is ${formatValue(object.apiVersion)}, a version unknown to Tidegate ${VERSION}; allowed: ${FLUX_KIND_VERSIONS.map((one) => `${group}/${one}`).join(', ')}`;
    return { outcome: 'unsupported', identity, problems: [problemAt(locate, ['apiVersion'], 'present', message)] };
  }
  return parseKind(kind, object, locate, identity);
}

function parseKind(
  kind: FluxKind,
  object: KubernetesObject,
  locate: FieldLocator,
  identity: ObjectId,
): ParsedFluxObject {
  switch (kind) {
    case 'GitRepository':
      return settle(parseGitRepository(object, locate), identity, (fluxObject) => ({ kind, fluxObject }));
    case 'Kustomization':
      return settle(parseKustomization(object, locate), identity, (fluxObject) => ({ kind, fluxObject }));
    case 'ImageRepository':
      return settle(parseImageRepository(object, locate), identity, (fluxObject) => ({ kind, fluxObject }));
    case 'ImagePolicy':
      return settle(parseImagePolicy(object, locate), identity, (fluxObject) => ({ kind, fluxObject }));
    case 'ImageUpdateAutomation':
      return settle(parseImageUpdateAutomation(object, locate), identity, (fluxObject) => ({ kind, fluxObject }));
  }
  return kind satisfies never;
}

function settle<T>(parsed: Parsed<T>, identity: ObjectId, wrap: (value: T) => FluxObject): ParsedFluxObject {
  return parsed.outcome === 'parsed'
    ? { outcome: 'parsed', ...wrap(parsed.value) }
    : { outcome: 'invalid', identity, problems: parsed.problems };
}
