/** A Kustomization of `./apps/<name>` in the repository of the root; `spec` changes and adds fields. */
export function kustomizationManifest(name: string, spec: Readonly<Record<string, unknown>> = {}): object {
  return {
    apiVersion: 'kustomize.toolkit.fluxcd.io/v1',
    kind: 'Kustomization',
    metadata: { name, namespace: 'flux-system' },
    spec: {
      interval: '10m',
      path: `./apps/${name}`,
      prune: true,
      sourceRef: { kind: 'GitRepository', name: 'flux-system' },
      ...spec,
    },
  };
}

/** A GitRepository that follows `main`. */
export function gitRepositoryManifest(name: string, url: string): object {
  return {
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'GitRepository',
    metadata: { name, namespace: 'flux-system' },
    spec: { interval: '1m', url, ref: { branch: 'main' } },
  };
}
