import { Tags, Validations } from 'aws-cdk-lib';
import type { App } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import type { Settings } from '#shared/settings/settings.ts';
import type { Bundles } from './bundle-functions.ts';
import { TidegateStack } from './tidegate-stack.ts';

/** Puts one stack into the app for each region in which the settings have an EKS cluster. */
export function buildApp(app: App, settings: Settings, bundles: Bundles): void {
  const clusters = eksClusters(settings);
  for (const region of new Set(clusters.map(({ target }) => target.region))) {
    new TidegateStack(app, `tidegate-${region}`, {
      description: 'Tidegate: changes flow from Git to the cluster, never back',
      env: { region },
      settings,
      clusters: clusters.filter(({ target }) => target.region === region),
      bundles,
    });
  }
  Tags.of(app).add('app', 'tidegate');
  // What was acknowledged, and why, stands in the template too.
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { writeSuppressionsToCloudFormation: true }));
}
