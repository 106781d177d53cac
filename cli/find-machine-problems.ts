import { statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

import { findMissingSecrets } from '#serve/require-secrets.ts';
import { createFolderSecrets } from '#shared/adapters/disk/folder-secrets.ts';
import { probeFolder } from '#shared/adapters/folder/probe-folder.ts';
import { parseAppKey } from '#shared/adapters/github/app-key.ts';
import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Secrets } from '#shared/ports/secrets.ts';
import { findMissingFolders } from '#shared/settings/find-missing-folders.ts';
import { serveClusters } from '#shared/settings/serve-clusters.ts';
import type { Finding } from '#shared/settings/settings-places.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** Finds clusters whose folder is not in the repository that the settings lie in. */
export function findFoldersNotBeside(settings: Settings, file: string): readonly Finding[] {
  const folder = dirname(resolve(file));
  return findMissingFolders(settings, (path) => isFolder(join(folder, path)));
}

/**
 * Finds what `tidegate serve` would need of this machine and does not find: contexts, secrets and a folder for its
 * state. Nothing is asked over a network.
 * @param settings with the folders as this process sees them.
 */
export async function findMachineProblems(settings: Settings): Promise<readonly Finding[]> {
  if (serveClusters(settings).length === 0) return [];
  const secrets = createFolderSecrets(settings.serve.secretsFolder, () => undefined);
  return [
    ...findWrongContexts(settings),
    ...findUnusableStateFolder(settings),
    ...findFoldersForFiles(settings),
    ...(await findMissingSecrets(settings, secrets)),
    ...(await findWrongKey(settings, secrets)),
  ];
}

function findWrongContexts(settings: Settings): readonly Finding[] {
  return serveClusters(settings).flatMap(({ cluster: { target }, index }) => {
    const message = faultOf(() => kubeconfigConnection(target));
    return message === undefined ? [] : [{ path: ['clusters', index, 'kubeconfig', 'context'], message }];
  });
}

function findUnusableStateFolder({ serve: { stateFolder } }: Settings): readonly Finding[] {
  const fault = probeFolder(stateFolder);
  if (fault === undefined) return [];
  const message = `${stateFolder} cannot be used (${fault}); allowed: a folder that can be written to, or made`;
  return [{ path: ['serve', 'stateFolder'], message }];
}

/** A folder would be read as a secret with several keys, which these two are not. */
function findFoldersForFiles({ github, serve }: Settings): readonly Finding[] {
  return (['webhookSecret', 'tokenSecret'] as const).flatMap((key) => {
    const path = join(serve.secretsFolder, github[key] ?? '');
    if (github[key] === undefined || !isFolder(path)) return [];
    return [{ path: ['github', key], message: `${path} is a folder; allowed: a file with the value` }];
  });
}

async function findWrongKey({ github }: Settings, secrets: Secrets): Promise<readonly Finding[]> {
  const { privateKeySecret: name, appId } = github;
  const secret = name === undefined ? undefined : await secrets.read(name).catch(() => undefined);
  if (name === undefined || secret === undefined || secret.trim() === '') return [];
  const message = faultOf(() => parseAppKey(secret.trim(), { name, appId }));
  return message === undefined ? [] : [{ path: ['github', 'privateKeySecret'], message }];
}

function faultOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    return error.message;
  }
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
