import { rename, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';

/** Who somebody is to the stand-in cluster. */
export interface ClusterUser {
  readonly name: string;
  readonly token: string;
}

/** What a kubeconfig of the stand-in cluster says. */
export interface KubeconfigContent {
  readonly contextName: string;
  readonly server: string;
  /** PEM. */
  readonly certificateAuthority: string;
  readonly user: ClusterUser;
}

/** Writes a kubeconfig with one context, readable by its owner alone. */
export async function writeKubeconfig(path: string, content: KubeconfigContent): Promise<void> {
  const { contextName, server, certificateAuthority, user } = content;
  const document = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': contextName,
    contexts: [{ name: contextName, context: { cluster: contextName, user: user.name } }],
    clusters: [
      {
        name: contextName,
        cluster: { server, 'certificate-authority-data': Buffer.from(certificateAuthority).toString('base64') },
      },
    ],
    users: [{ name: user.name, user: { token: user.token } }],
  };
  await writeFile(`${path}.unfinished`, stringify(document), { mode: 0o600 });
  await rename(`${path}.unfinished`, path);
}
