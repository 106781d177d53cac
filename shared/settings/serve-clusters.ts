import { eksClusters } from './eks-clusters.ts';
import type { Finding } from './settings-places.ts';
import type { ClusterSettings, ClusterTarget, Settings } from './settings.ts';

/** A cluster that is reached through a kubeconfig. */
export type ServeCluster = ClusterSettings & {
  readonly target: Extract<ClusterTarget, { readonly kind: 'kubeconfig' }>;
};

/** The clusters of `tidegate serve`, each with its place in the settings; those with eks belong to the stack. */
export function serveClusters(
  settings: Pick<Settings, 'clusters'>,
): readonly { readonly cluster: ServeCluster; readonly index: number }[] {
  return settings.clusters.flatMap((cluster, index) =>
    cluster.target.kind === 'kubeconfig' ? [{ cluster: { ...cluster, target: cluster.target }, index }] : [],
  );
}

/** The settings as `tidegate serve` sees them: with its own clusters alone. */
export function settingsOfServe(settings: Settings): Settings {
  return { ...settings, clusters: serveClusters(settings).map(({ cluster }) => cluster) };
}

/** That `tidegate serve` has nothing to do. */
export function findNothingToServe(settings: Settings): readonly Finding[] {
  if (serveClusters(settings).length > 0) return [];
  const [first] = eksClusters(settings);
  const { name = '<name>', region = '<region>' } = first?.target ?? {};
  const command = `aws eks update-kubeconfig --name ${name} --region ${region}`;
  const message = `found no cluster with kubeconfig; allowed: at least one, those with eks are for cdk deploy; to reach one from here run \`${command}\` and name its context in kubeconfig.context in place of eks`;
  return [{ path: ['clusters'], message }];
}
