import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';

import { auditPolicy, type ClusterFiles } from './describe-control-plane.ts';
import type { ClusterUser } from './write-kubeconfig.ts';

/** Everybody whom a stand-in cluster knows by a token. */
export interface ClusterUsers {
  readonly admin: ClusterUser;
  readonly plainUser: ClusterUser;
  readonly controllers: readonly ClusterUser[];
}

function createUser(name: string): ClusterUser {
  return { name, token: randomBytes(24).toString('hex') };
}

/** Gives everybody a token that is good for one cluster. */
export function createClusterUsers(): ClusterUsers {
  return {
    admin: createUser('tidegate-admin'),
    plainUser: createUser('plain-user'),
    controllers: ['system:kube-controller-manager', 'system:kube-scheduler', 'system:kwok'].map(createUser),
  };
}

/** Writes what the API server has to find when it starts: keys, tokens and the audit policy. */
export async function writeClusterFiles(files: ClusterFiles, users: ClusterUsers): Promise<void> {
  for (const folder of [files.etcdData, files.certificates, files.logs]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(files.serviceAccountKey, privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
  await writeFile(files.serviceAccountPublicKey, publicKey.export({ type: 'spki', format: 'pem' }));
  const line = (user: ClusterUser, group: string) => `${user.token},${user.name},${user.name},"${group}"`;
  const tokens = [
    ...[users.admin, ...users.controllers].map((user) => line(user, 'system:masters')),
    line(users.plainUser, 'plain-users'),
  ];
  await writeFile(files.tokens, `${tokens.join('\n')}\n`, { mode: 0o600 });
  await writeFile(files.auditPolicy, auditPolicy);
}
