import type { Surroundings } from './describe-surroundings.ts';
import type { Stage } from './stage.ts';

/** Where on a stage somebody can look. */
export function surroundingsOf({ cluster, github, serve, ...stage }: Stage): Surroundings {
  return {
    kubectl: cluster.binFolder === undefined ? 'kubectl' : `${cluster.binFolder}/kubectl`,
    reach:
      cluster.kubeconfigPath === undefined
        ? ['--context', cluster.contextName]
        : ['--kubeconfig', cluster.kubeconfigPath],
    userToken: stage.userToken,
    apiUrl: github.apiUrl,
    repository: stage.repository,
    repositoryUrl: stage.repositoryUrl,
    serveUrl: serve.url,
    configFile: stage.configFile,
    logFile: serve.logFile,
  };
}
