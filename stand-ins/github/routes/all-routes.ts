import type { Route } from '../core.ts';
import { appRoutes } from './apps.ts';
import { checkRoutes } from './checks.ts';
import { deploymentRoutes } from './deployments.ts';
import { gitDataRoutes } from './git-data.ts';
import { hookRoutes } from './hooks.ts';
import { issueRoutes } from './issues.ts';
import { metaRoutes } from './meta.ts';
import { pullRoutes } from './pulls.ts';
import { repositoryRoutes } from './repositories.ts';
import { statusRoutes } from './statuses.ts';

/** Every endpoint of this GitHub's REST API. */
export const allRoutes: readonly Route[] = [
  ...metaRoutes,
  ...appRoutes,
  ...repositoryRoutes,
  ...gitDataRoutes,
  ...pullRoutes,
  ...hookRoutes,
  ...issueRoutes,
  ...statusRoutes,
  ...checkRoutes,
  ...deploymentRoutes,
];
