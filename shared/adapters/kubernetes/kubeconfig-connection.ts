import { KubeConfig } from '@kubernetes/client-node';
import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';

import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';

import type { KubernetesConnection, KubernetesCredentials } from './kubernetes-connection.ts';

/** A connection that knows what it trusts. */
export interface KubeconfigConnection extends KubernetesConnection {
  /**
   * The certificate authority of the context's cluster: PEM, in base64. Empty where the kubeconfig names none, or nothing is
   * checked; what cannot be read is for the next connection to say.
   */
  certificateAuthority(): string;
}

/**
 * Connects through a context of a person's own kubeconfig, exec plugins included.
 * Without `file`, the one that kubectl would use.
 */
export function kubeconfigConnection(choice: {
  readonly context?: string;
  readonly file?: string;
}): KubeconfigConnection {
  const server = loadKubeconfig(choice).getCurrentCluster()?.server;
  if (server === undefined) throw kubeconfigError(choice, 'the context names no cluster that the file holds');
  let loaded = loadKubeconfig(choice);
  return {
    server,
    async credentials({ renewed }) {
      if (renewed) {
        loaded = loadKubeconfig(choice);
      }
      return readCredentials(loaded);
    },
    certificateAuthority: () => readAuthority(loaded),
  };
}

function loadKubeconfig(choice: { readonly context?: string; readonly file?: string }): KubeConfig {
  const kubeconfig = new KubeConfig();
  try {
    if (choice.file === undefined) {
      kubeconfig.loadFromDefault();
    } else {
      kubeconfig.loadFromFile(choice.file);
    }
  } catch (error) {
    throw kubeconfigError(choice, 'the file cannot be read', error);
  }
  if (choice.context !== undefined) {
    if (kubeconfig.getContextObject(choice.context) === null) {
      const known = kubeconfig.getContexts().map((context) => context.name);
      throw kubeconfigError(choice, `no such context; contexts are ${known.join(', ') || 'none'}`);
    }
    kubeconfig.setCurrentContext(choice.context);
  }
  return kubeconfig;
}

function readAuthority(kubeconfig: KubeConfig): string {
  const { caData, caFile, skipTLSVerify } = kubeconfig.getCurrentCluster() ?? {};
  if (skipTLSVerify === true) return '';
  if (caData !== undefined) return caData;
  try {
    return caFile === undefined ? '' : readFileSync(caFile, 'base64');
  } catch {
    return '';
  }
}

async function readCredentials(kubeconfig: KubeConfig): Promise<KubernetesCredentials> {
  const options: RequestOptions = {};
  await kubeconfig.applyToHTTPSOptions(options);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(options.headers ?? {})) {
    if (typeof value === 'string') {
      headers[name] = value;
    }
  }
  if (typeof options.auth === 'string') {
    headers['Authorization'] = `Basic ${Buffer.from(options.auth).toString('base64')}`;
  }
  return {
    headers,
    ...(options.ca === undefined ? {} : { ca: pemText(options.ca) }),
    ...(options.cert === undefined ? {} : { cert: pemText(options.cert) }),
    ...(options.key === undefined ? {} : { key: pemText(options.key) }),
    ...defined({ serverName: options.servername }),
    ...(options.rejectUnauthorized === false ? { skipTlsVerify: true } : {}),
  };
}

function pemText(value: unknown): string {
  return Buffer.isBuffer(value) ? value.toString('utf8') : String(value);
}

function kubeconfigError(
  choice: { readonly context?: string; readonly file?: string },
  problem: string,
  cause?: unknown,
): TidegateError {
  const subject = `kubeconfig ${choice.file ?? '(default)'}, context ${choice.context ?? '(current)'}`;
  return new TidegateError('KubeconfigInvalid', `${subject}: ${problem}`, { disposition: 'stall', subject, cause });
}
