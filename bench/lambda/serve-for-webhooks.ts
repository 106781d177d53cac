import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { stringify } from 'yaml';

import type { ServeProcess } from '#demo/serve-process.ts';
import { prepareServe } from '#demo/serve-process.ts';
import { reservePorts } from '#stand-ins/kubernetes/reserve-ports.ts';
import { writeKubeconfig } from '#stand-ins/kubernetes/write-kubeconfig.ts';

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:9';

/**
 * Starts a `tidegate serve` that takes webhooks and, with neither GitHub nor a cluster in reach, has nothing else to do
 * but to look at each and leave it, as it does with those of a repository that nobody follows.
 */
export async function serveForWebhooks(options: {
  readonly folder: string;
  readonly webhookSecret: string;
  readonly kubectl: string;
}): Promise<ServeProcess> {
  const { folder, webhookSecret, kubectl } = options;
  const secretsFolder = join(folder, 'secrets');
  await mkdir(secretsFolder, { recursive: true, mode: 0o700 });
  await writeFile(join(secretsFolder, 'webhook'), webhookSecret, { mode: 0o600 });
  await writeFile(join(secretsFolder, 'token'), 'nobody asks for it', { mode: 0o600 });
  const kubeconfig = join(folder, 'kubeconfig');
  await writeKubeconfig(kubeconfig, {
    contextName: 'nowhere',
    server: `https://${NOWHERE}`,
    certificateAuthority: '',
    user: { name: 'nobody', token: 'none' },
  });
  const { ports, claims } = await reservePorts(1);
  const [port = 0] = ports;
  const configFile = join(folder, 'tidegate.yaml');
  const settings = {
    configRepository: { url: `http://${NOWHERE}/acme/fleet-infra`, branch: 'main' },
    github: { apiUrl: `http://${NOWHERE}`, tokenSecret: 'token', webhookSecret: 'webhook' },
    clusters: [{ name: 'nowhere', path: './clusters/nowhere', kubeconfig: { context: 'nowhere', file: kubeconfig } }],
    serve: { port, stateFolder: join(folder, 'state'), secretsFolder, tickSeconds: 3600 },
  };
  await writeFile(configFile, stringify(settings));
  const serve = prepareServe({
    configFile,
    port,
    logFile: join(folder, 'serve.log'),
    env: { HOME: folder, PATH: `${dirname(kubectl)}:/usr/bin:/bin` },
    removeAtEnd: claims,
  });
  try {
    await serve.start();
    return serve;
  } catch (error) {
    await serve.close();
    throw error;
  }
}
