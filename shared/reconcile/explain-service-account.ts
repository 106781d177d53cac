import type { StalledFluxObject } from './desired-state.ts';

const FIELD = 'spec.serviceAccountName';

/**
 * Says of a Kustomization with `serviceAccountName` why this cluster cannot follow it, and what to do.
 * @param namespaces where alone Tidegate may work in the cluster, if its rights end there.
 */
export function explainServiceAccount(
  stalled: StalledFluxObject,
  namespaces: readonly string[] | undefined,
): StalledFluxObject {
  const message =
    namespaces === undefined
      ? 'asks Tidegate to act as a service account, which it does not do yet: it applies with its own rights; remove the field if those may do; profile: workload limits them to namespaces, for all Kustomizations of the cluster'
      : `asks Tidegate to act as a service account, which a cluster with profile: workload does not allow; remove the field: what is applied in ${namespaces.join(', ')} is limited by the role bindings there`;
  return {
    ...stalled,
    problems: stalled.problems.map((problem) => (problem.field === FIELD ? { ...problem, message } : problem)),
  };
}
