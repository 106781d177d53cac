import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import { APPLYSET_ID_LABEL, TIDEGATE_NAMESPACE } from '#shared/kubernetes/names.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';

import { readParent } from '../inventory/apply-set-parent.ts';
import {
  decideInstallation,
  leaseDecides,
  nameElsewhere,
  type InstallationClaim,
  type InstallationDecision,
  type ObservedInstallations,
} from './decide-installation.ts';
import { readInstallationLease, SINCE_CREATION, writeInstallationLease } from './installation-lease.ts';

const MAX_TRIES = 5;
const CONFIG_MAPS: ApiResource = {
  group: '',
  version: 'v1',
  kind: 'ConfigMap',
  plural: 'configmaps',
  namespaced: true,
  verbs: [],
};

/**
 * Finds out whether an installation may work on a cluster, and takes its name there. One request where the lease knows it;
 * of several that start at once, one gets the name and the others see it.
 */
export async function claimInstallation(api: KubernetesApi, claim: InstallationClaim): Promise<InstallationDecision> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const observed = await observeInstallations(api, claim);
    const decision = decideInstallation(claim, observed);
    if (decision.write !== undefined && !(await writeInstallationLease(api, observed.lease, decision.write))) continue;
    if (decision.outcome === 'refused' || decision.installation.since !== SINCE_CREATION) return decision;
    // Only the server's clock counts, and only the lease that it made shows it.
    const made = await readInstallationLease(api, claim.name);
    if (made?.since !== undefined) {
      return { ...decision, installation: { ...decision.installation, since: made.since } };
    }
  }
  throw new TidegateError(
    'InstallationContended',
    `cluster ${claim.cluster}: others write the lease of installation ${claim.name} at the same time; the next run tries again`,
    { disposition: 'retry', subject: claim.cluster },
  );
}

async function observeInstallations(api: KubernetesApi, claim: InstallationClaim): Promise<ObservedInstallations> {
  const lease = await readInstallationLease(api, claim.name);
  if (leaseDecides(lease)) return { lease, parents: [] };
  const listed = await api.listMetadata({
    resource: CONFIG_MAPS,
    namespace: TIDEGATE_NAMESPACE,
    labelSelector: APPLYSET_ID_LABEL,
  });
  const parents = listed.flatMap((live) => readParent(live) ?? []);
  const name = nameElsewhere(claim, parents);
  const elsewhere = name === undefined ? undefined : await readInstallationLease(api, name);
  return { lease, parents, ...defined({ elsewhere }) };
}
