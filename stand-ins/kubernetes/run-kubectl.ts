import { execFile } from 'node:child_process';
import { join } from 'node:path';

/** What a run of kubectl said. */
export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/** How one run of kubectl differs from the usual. */
export interface KubectlOptions {
  /** What kubectl reads from its standard input, for `-f -`. */
  readonly input?: string;
  /** Another kubeconfig than the administrator's, such as one that leads through a proxy. */
  readonly kubeconfigPath?: string;
  /** Resolves whatever the exit code is, instead of failing on one that is not 0. */
  readonly allowFailure?: boolean;
}

/** Which kubectl runs for whom. */
export interface KubectlSetup {
  readonly kubectlPath: string;
  readonly kubeconfigPath: string;
  /** Where kubectl runs and keeps its cache, so that the user's own settings have no say. */
  readonly folder: string;
}

/** Runs the real kubectl against a stand-in cluster. */
export function runKubectl(
  setup: KubectlSetup,
  args: readonly string[],
  options: KubectlOptions = {},
): Promise<KubectlResult> {
  return new Promise((resolve, reject) => {
    const env = {
      PATH: '/usr/bin:/bin',
      HOME: setup.folder,
      KUBECONFIG: options.kubeconfigPath ?? setup.kubeconfigPath,
      KUBECACHEDIR: join(setup.folder, 'kubectl-cache'),
    };
    const child = execFile(
      setup.kubectlPath,
      [...args],
      { env, cwd: setup.folder, maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error !== null && options.allowFailure !== true) {
          reject(new Error(`kubectl ${args.join(' ')} failed: ${stderr.trim() || error.message}`, { cause: error }));
        } else {
          resolve({ stdout, stderr, code: child.exitCode ?? 1 });
        }
      },
    );
    child.stdin?.on('error', () => {});
    child.stdin?.end(options.input ?? '');
  });
}
