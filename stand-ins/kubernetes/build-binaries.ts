import { join } from 'node:path';

import type { EnsureGoModuleOptions, GoModule } from '#stand-ins/build/build-go-module.ts';
import { ensureGoModule } from '#stand-ins/build/build-go-module.ts';

const KUBERNETES = 'v1.36.1';

/** Where the binaries of the stand-in cluster are. */
export interface ClusterBinaries {
  /** The multi-call binary: etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kubectl. */
  readonly controlPlane: string;
  readonly kwok: string;
  /** The same multi-call binary under the name that makes it kubectl. */
  readonly kubectl: string;
}

function versionFlags(): string {
  const version = {
    gitVersion: KUBERNETES,
    gitMajor: '1',
    gitMinor: '36',
    gitCommit: 'built-from-the-go-module',
    gitTreeState: 'clean',
    buildDate: '1970-01-01T00:00:00Z',
  };
  const assignments = ['k8s.io/component-base/version', 'k8s.io/client-go/pkg/version'].flatMap((pkg) =>
    Object.entries(version).map(([field, value]) => `-X ${pkg}.${field}=${value}`),
  );
  return ['-s', '-w', ...assignments].join(' ');
}

const controlPlaneModule: GoModule = {
  name: 'control-plane',
  description: `the Kubernetes ${KUBERNETES} control plane`,
  folder: join(import.meta.dirname, 'control-plane'),
  package: '.',
  linkerFlags: versionFlags(),
  usuallyTakes: 'about 4 minutes on 2 cores',
  verify: ['kubectl', 'version', '--client'],
  links: ['kubectl'],
};

const kwokModule: GoModule = {
  name: 'kwok',
  description: 'kwok, which plays the nodes',
  folder: join(import.meta.dirname, 'kwok'),
  package: 'sigs.k8s.io/kwok/cmd/kwok',
  linkerFlags: '-s -w',
  usuallyTakes: 'about 1 minute on 2 cores',
  verify: ['--version'],
};

const authenticatorModule: GoModule = {
  name: 'authenticator',
  description: 'aws-iam-authenticator, which reads tokens as EKS does',
  folder: join(import.meta.dirname, 'authenticator'),
  package: '.',
  linkerFlags: '-s -w',
  usuallyTakes: 'about 1 minute on 2 cores, and what its modules take to download',
  verify: ['-version'],
};

/** Builds the binaries of the stand-in cluster, or finds those that an earlier run has built. */
export async function ensureClusterBinaries(options: EnsureGoModuleOptions = {}): Promise<ClusterBinaries> {
  // One after the other: the Go compiler uses all cores by itself.
  const controlPlane = await ensureGoModule(controlPlaneModule, options);
  const kwok = await ensureGoModule(kwokModule, options);
  return { controlPlane, kwok, kubectl: join(controlPlane, '..', 'kubectl') };
}

/** Builds the program that asks aws-iam-authenticator about tokens, or finds the one that an earlier run has built. */
export async function ensureAuthenticator(options: EnsureGoModuleOptions = {}): Promise<string> {
  return ensureGoModule(authenticatorModule, options);
}
