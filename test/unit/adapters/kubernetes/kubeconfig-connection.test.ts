import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

import { kubeconfigConnection } from '#shared/adapters/kubernetes/kubeconfig-connection.ts';
import { makeTemporaryFolder } from '#test/make-temporary-folder.ts';

const PEM = '-----BEGIN CERTIFICATE-----\n';
const BASE64 = Buffer.from(PEM).toString('base64');

it.each([
  ['as data', { 'certificate-authority-data': BASE64 }, BASE64],
  ['as a file beside it', { 'certificate-authority': 'pki/ca.pem' }, BASE64],
  ['as a file that is gone', { 'certificate-authority': 'gone.pem' }, ''],
  ['not at all', {}, ''],
  ['and has it ignored', { 'certificate-authority-data': BASE64, 'insecure-skip-tls-verify': true }, ''],
])('a kubeconfig names its certificate authority %s', (_words, authority, expected) => {
  const folder = makeTemporaryFolder('kubeconfig');
  mkdirSync(join(folder, 'pki'));
  writeFileSync(join(folder, 'pki', 'ca.pem'), PEM);
  const file = join(folder, 'config');
  const context = { name: 'a', context: { cluster: 'a', user: 'a' } };
  const clusters = [{ name: 'a', cluster: { server: 'https://127.0.0.1:6443', ...authority } }];
  const users = [{ name: 'a', user: { token: 't' } }];
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'Config', clusters, users, contexts: [context] }));

  expect(kubeconfigConnection({ context: 'a', file }).certificateAuthority()).toBe(expected);
});
