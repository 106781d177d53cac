import type { App } from 'aws-cdk-lib';
import { Tags, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

import { eksClusters } from '#shared/settings/eks-clusters.ts';
import type { Settings } from '#shared/settings/settings.ts';

import type { Bundles } from './bundle-functions.ts';
import { TidegateStack } from './tidegate-stack.ts';
import { warnOfAuthorities } from './warn-of-authorities.ts';

/**
 * Puts one stack into the app for each region in which the settings have an EKS cluster. Nothing of a template depends on
 * `now`; what is warned of does.
 */
export function buildApp(app: App, settings: Settings, bundles: Bundles, now: number): void {
  const all = eksClusters(settings);
  for (const region of new Set(all.map(({ target }) => target.region))) {
    const clusters = all.filter(({ target }) => target.region === region);
    const stack = new TidegateStack(app, `tidegate-${region}`, {
      description: 'Tidegate: changes flow from Git to the cluster, never back',
      env: { region },
      settings,
      clusters,
      bundles,
    });
    warnOfAuthorities(stack, clusters, now);
  }
  Tags.of(app).add('app', 'tidegate');
  // What was acknowledged, and why, stands in the template too.
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app, { writeSuppressionsToCloudFormation: true }));
}
