import { formatGroupKind } from '#shared/kubernetes/group-kind.ts';
import type { ObjectId } from '#shared/kubernetes/kubernetes-object.ts';

/** Objects that nobody could list, and why: of a kind, of a namespace, or of a kind in one namespace. */
export interface Unlisted {
  /** `Deployment.apps`; absent: of every kind. */
  readonly kind?: string;
  /** Absent: everywhere. */
  readonly namespace?: string;
  readonly reason: string;
}

/** Why objects of this kind in this namespace could not be listed; undefined when they were. */
export function whyUnlisted(
  unlisted: readonly Unlisted[],
  { namespace, ...kind }: Pick<ObjectId, 'group' | 'kind' | 'namespace'>,
): string | undefined {
  const name = formatGroupKind(kind);
  return unlisted.find(
    (hole) =>
      (hole.kind === undefined || hole.kind === name) && (hole.namespace === undefined || hole.namespace === namespace),
  )?.reason;
}
