import type { EnsureGoModuleOptions, GoModule } from '#stand-ins/build/build-go-module.ts';
import { ensureGoModule } from '#stand-ins/build/build-go-module.ts';

const oraclesModule: GoModule = {
  name: 'oracles',
  description: 'the oracles, which ask the Go libraries of Kubernetes and Flux',
  folder: import.meta.dirname,
  package: '.',
  linkerFlags: '-s -w',
  usuallyTakes: 'about 2 minutes on 2 cores, and what its modules take to download',
  verify: ['-version'],
};

/** Builds the program that asks the Go libraries, or finds the one that an earlier run has built. */
export async function ensureOracles(options: EnsureGoModuleOptions = {}): Promise<string> {
  return ensureGoModule(oraclesModule, options);
}
