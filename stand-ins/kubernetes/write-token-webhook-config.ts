import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A webhook that says who the owner of a token is. */
export interface TokenWebhook {
  readonly url: string;
  /** PEM; for https. */
  readonly ca?: string;
}

/** Writes what the API server has to know of the webhook; returns the arguments that make it ask there. */
export async function writeTokenWebhookConfig(folder: string, webhook: TokenWebhook): Promise<readonly string[]> {
  const path = join(folder, 'token-webhook.kubeconfig');
  const authority =
    webhook.ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(webhook.ca).toString('base64') };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'token-webhook', cluster: { server: webhook.url, ...authority } }],
    users: [{ name: 'api-server', user: {} }],
    contexts: [{ name: 'token-webhook', context: { cluster: 'token-webhook', user: 'api-server' } }],
    'current-context': 'token-webhook',
  };
  // JSON is YAML too.
  await writeFile(path, JSON.stringify(config), { mode: 0o600 });
  return [
    `--authentication-token-webhook-config-file=${path}`,
    '--authentication-token-webhook-cache-ttl=0s',
    '--authentication-token-webhook-version=v1',
  ];
}
