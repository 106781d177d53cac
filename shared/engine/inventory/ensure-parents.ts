import { defined } from '#shared/common/defined.ts';
import { runAtMost } from '#shared/common/run-at-most.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { formatGroupKind, parseGroupKind, type GroupKind } from '#shared/kubernetes/group-kind.ts';
import { objectIdOf, type ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';

import { describeRefusal } from '../apply/describe-refusal.ts';
import type { Installation } from '../lease/installation.ts';
import type { DesiredSet } from '../model/apply-request.ts';
import { mayStart, progressOf, type ApplyRun } from '../model/apply-run.ts';
import { resolveId } from '../model/desired-object.ts';
import { configMaps } from '../observe/observe-cluster.ts';
import { outsideScope } from '../observe/outside-scope.ts';
import { whyUnlisted } from '../observe/unlisted.ts';
import { applySetId, applySetParentName } from './apply-set-id.ts';
import {
  buildParentObject,
  describeParentOwner,
  sameParent,
  whenDeleted,
  type ApplySetParent,
  type ParentOwner,
} from './apply-set-parent.ts';

const AT_ONCE = 16;

/**
 * Brings the ApplySet parents up to date before anything is created: the kinds and namespaces they list cover what will
 * be created and what still carries the label, so they shrink only in a run that finds the last member of one gone.
 */
export async function ensureParents(run: ApplyRun, sets: readonly DesiredSet[]): Promise<void> {
  const resource = configMaps(run.cluster.discovery);
  await runAtMost(AT_ONCE, sets, async (set) => {
    const id = { group: '', kind: 'ConfigMap', namespace: TIDEGATE_NAMESPACE, name: applySetParentName(set.id) };
    const progress = progressOf(run, set.id);
    const other = run.cluster.foreignParents.get(applySetId(set.id));
    if (other !== undefined) {
      const message = `it belongs to ${describeParentOwner(other)}; rename the Kustomization, or let only one of the two apply it`;
      progress.failures.push({ id, reason: 'OwnedByOther', message });
      progress.phase = 'failed';
      return;
    }
    const parent = desiredParent(run, set);
    const live = run.cluster.parentsBySet.get(applySetId(set.id))?.live;
    if ((live !== undefined && sameParent(live, parent)) || !mayStart(run)) return;
    try {
      await run.ports.api.apply({
        resource,
        object: buildParentObject(parent),
        attribution: { kustomization: formatNamespacedName(set.id), revision: set.revision },
      });
    } catch (error) {
      progress.failures.push(describeRefusal(id, error));
      progress.phase = 'failed';
    }
  });
}

function desiredParent(run: ApplyRun, set: DesiredSet): ApplySetParent {
  const id = applySetId(set.id);
  const known = run.cluster.parentsBySet.get(id);
  const kinds = new Set<string>();
  const namespaces = new Set<string>();
  const cover = (object: ObjectId): void => {
    kinds.add(formatGroupKind(object));
    namespaces.add(object.namespace);
  };
  const rendered = set.render.kind === 'rendered' ? set.render.objects : [];
  rendered
    .map((object) => resolveId(objectIdOf(object), run.cluster.discovery))
    .filter((object) => outsideScope(object, run.cluster) === undefined)
    .forEach(cover);
  run.cluster.membersBySet.get(id)?.forEach((member) => cover(member.id));
  for (const [kind, namespace] of placesOf(known)) {
    // A place that could not be listed may have members; so may any while discovery has holes.
    const hidden = whyUnlisted(run.cluster.unlisted, { ...kind, namespace }) !== undefined;
    if (hidden || run.cluster.discovery.incomplete.length > 0) {
      cover({ ...kind, namespace, name: '' });
    }
  }
  return {
    cluster: run.request.cluster,
    kustomization: set.id,
    owner: ownerOf(run.request.installation),
    kinds: [...kinds].map(parseGroupKind),
    namespaces: [...namespaces].filter((namespace) => namespace !== ''),
    whenDeleted: whenDeleted(set.settings, set.render.kind === 'suspended'),
    ...defined({ declaredBy: set.declaredBy }),
  };
}

function ownerOf({ identity, place, since }: Installation): ParentOwner {
  return { identity, place, ...defined({ since }) };
}

/** Everywhere a member may be; a kind of the whole cluster is in no namespace. */
function placesOf(known: ApplySetParent | undefined): readonly (readonly [GroupKind, string])[] {
  const namespaces = ['', ...(known?.namespaces ?? [])];
  return (known?.kinds ?? []).flatMap((kind) => namespaces.map((namespace) => [kind, namespace] as const));
}
