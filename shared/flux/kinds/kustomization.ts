import type { NamespacedName } from '../resource-key.ts';

/** `kustomize.toolkit.fluxcd.io/v1` Kustomization, validated, defaults filled in, durations in milliseconds. */
export interface Kustomization {
  readonly namespace: string;
  readonly name: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly sourceRef: NamespacedName & { readonly kind: 'GitRepository' };
  /** Relative to the root of the artifact; `./` by default. */
  readonly path: string;
  readonly prune: boolean;
  readonly intervalMs: number;
  readonly retryIntervalMs: number;
  readonly timeoutMs: number;
  readonly wait: boolean;
  readonly force: boolean;
  readonly suspend: boolean;
  readonly targetNamespace?: string;
  readonly dependsOn: readonly NamespacedName[];
  readonly healthChecks: readonly HealthCheck[];
  readonly patches: readonly unknown[];
  readonly images: readonly unknown[];
  readonly components: readonly string[];
  readonly commonMetadata: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly namePrefix?: string;
  readonly nameSuffix?: string;
  readonly postBuild?: {
    readonly substitute: Readonly<Record<string, string>>;
    readonly substituteFrom: readonly SubstituteFrom[];
  };
  readonly deletionPolicy: 'MirrorPrune' | 'Delete' | 'WaitForTermination' | 'Orphan';
}

export interface HealthCheck extends NamespacedName {
  readonly apiVersion: string;
  readonly kind: string;
}

export interface SubstituteFrom {
  readonly kind: 'ConfigMap' | 'Secret';
  readonly name: string;
  readonly optional: boolean;
}
