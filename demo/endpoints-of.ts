import type { Endpoints } from './describe-endpoints.ts';
import type { ServeEnvironment } from './serve-environment.ts';

/** Where on an environment somebody can look. */
export function endpointsOf({ cluster, github, serve, ...environment }: ServeEnvironment): Endpoints {
  return {
    kubectl: cluster.binFolder === undefined ? 'kubectl' : `${cluster.binFolder}/kubectl`,
    reach:
      cluster.kubeconfigPath === undefined
        ? ['--context', cluster.contextName]
        : ['--kubeconfig', cluster.kubeconfigPath],
    userToken: environment.userToken,
    apiUrl: github.apiUrl,
    repository: environment.repository,
    repositoryUrl: environment.repositoryUrl,
    serveUrl: serve.url,
    configFile: environment.configFile,
    logFile: serve.logFile,
  };
}
