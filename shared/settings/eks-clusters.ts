import type { ClusterSettings, ClusterTarget, Settings } from './settings.ts';

/** A cluster that is reached as an EKS cluster. */
export type EksCluster = ClusterSettings & { readonly target: Extract<ClusterTarget, { readonly kind: 'eks' }> };

/** The EKS clusters of the settings; those with a kubeconfig belong to `tidegate serve`. */
export function eksClusters(settings: Pick<Settings, 'clusters'>): readonly EksCluster[] {
  return settings.clusters.flatMap((cluster) =>
    cluster.target.kind === 'eks' ? [{ ...cluster, target: cluster.target }] : [],
  );
}

/** The settings as the installation in one region sees them: with the clusters of that region alone. */
export function settingsOfRegion(settings: Settings, region: string): Settings {
  return { ...settings, clusters: eksClusters(settings).filter(({ target }) => target.region === region) };
}
