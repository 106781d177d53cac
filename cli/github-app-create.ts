import { randomBytes } from 'node:crypto';

import { openBrowser } from '#shared/adapters/browser/open-browser.ts';
import { createFolderSecretStore } from '#shared/adapters/disk/folder-secret-store.ts';
import { replaceFile } from '#shared/adapters/disk/replace-file.ts';
import { formatAppKey } from '#shared/adapters/github/app-key.ts';
import { receiveAppCode } from '#shared/adapters/github/receive-app-code.ts';
import type { RegisteredApp } from '#shared/adapters/github/register-app.ts';
import { exchangeAppCode, setAppHook } from '#shared/adapters/github/register-app.ts';
import { createSecretsManagerSecretStore } from '#shared/adapters/secrets-manager/secrets-manager-secret-store.ts';
import { defined } from '#shared/common/defined.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import { VERSION } from '#shared/common/version.ts';
import type { SecretStore } from '#shared/ports/secret-store.ts';

import { buildAppManifest } from './app-manifest.ts';
import type { CommandProcess } from './command-process.ts';
import { describeAppSteps } from './describe-app-steps.ts';
import { replaceAppId } from './edit-settings.ts';
import { formatDiff } from './format-diff.ts';
import type { AppRegistration, WantedApp } from './plan-app-registration.ts';
import { planAppRegistration } from './plan-app-registration.ts';
import { readSettingsText, resolveFolders } from './read-settings.ts';

export interface GitHubAppCreateOptions extends Omit<WantedApp, 'replace'> {
  readonly config: string;
  /** False with `--no-browser`. */
  readonly browser: boolean;
  readonly printSteps?: boolean;
  readonly replace?: boolean;
  /** Minutes. */
  readonly timeout: number;
}

/**
 * `tidegate github-app create`: has a person register the App on GitHub, and puts its key with its id and the webhook
 * secret where they belong. Nothing is written before GitHub has handed the App over.
 * @returns 0 when the App is ready to be installed, 1 when it was not made or a step is left to do, 2 for wrong settings.
 */
export async function githubAppCreate(options: GitHubAppCreateOptions, io: CommandProcess): Promise<number> {
  const { config: file, replace = false, webhookUrl } = options;
  const read = await readSettingsText(file);
  if ('fault' in read) return fail(io, 2, [`${file}: ${read.fault}`]);
  const { text } = read;
  // Steps on paper replace nothing.
  const planned = planAppRegistration(text, file, { ...options, replace: replace || options.printSteps === true });
  if (planned.outcome === 'refused') return fail(io, 2, planned.problems);
  const { registration } = planned;
  if (options.printSteps === true) {
    const given = webhookUrl === undefined ? {} : { webhookUrl };
    io.stdout.write(describeAppSteps(registration, { config: file, ...given }));
    return 0;
  }
  try {
    const stores = openStores(registration, file);
    await checkStores(stores, registration, replace);
    return await register(options, registration, stores, io);
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    return fail(io, 1, [error.message]);
  }
}

function openStores(registration: AppRegistration, file: string): readonly SecretStore[] {
  const { secrets, settings, regions } = registration;
  if (secrets === 'folder') return [createFolderSecretStore(resolveFolders(settings, file).serve.secretsFolder)];
  if (regions.length > 0) return regions.map(createSecretsManagerSecretStore);
  throw new TidegateError(
    'NoRegion',
    `${file}: no cluster has eks, so there is no region whose Secrets Manager to fill`,
    {
      disposition: 'stall',
    },
  );
}

/** GitHub hands the key over once: it is asked only when there is a place for it. */
async function checkStores(stores: readonly SecretStore[], plan: AppRegistration, replace: boolean): Promise<void> {
  for (const store of stores) {
    await store.check(plan.privateKeySecret, { replace });
    // The stack fills its webhook secret with chance, which nobody needs.
    await store.check(plan.webhookSecret, { replace: replace || plan.secrets === 'secrets-manager' });
  }
}

async function register(
  options: GitHubAppCreateOptions,
  registration: AppRegistration,
  stores: readonly SecretStore[],
  io: CommandProcess,
): Promise<number> {
  const { organization, webhookUrl } = options;
  const interruption = watchForSignals(io);
  try {
    const { owner, registerUrl, settings } = registration;
    const purpose = { owner, configRepositoryUrl: settings.configRepository.url, ...(webhookUrl && { webhookUrl }) };
    const received = await receiveAppCode({
      manifest: (redirectUrl) => buildAppManifest(purpose, redirectUrl),
      registerUrl,
      timeoutMs: options.timeout * 60_000,
      signal: interruption.signal,
      onListening: (url) => {
        if (organization === undefined) {
          const advice = `if ${owner} is an organization, stop and give --organization ${owner}`;
          io.stdout.write(`The App will belong to your own account; ${advice}.\n`);
        }
        io.stdout.write(`Open this address on this machine to register the App on GitHub:\n  ${url}\n`);
        if (options.browser) openBrowser(url, io.env);
      },
      onRefused: (reason) => io.stderr.write(`tidegate: refused ${reason}\n`),
    });
    switch (received.outcome) {
      case 'stopped':
        return fail(io, 1, ['stopped; nothing was written']);
      case 'timed-out':
        return fail(io, 1, [
          `GitHub sent nothing back within ${options.timeout} minutes; nothing was written; run the command again, and first delete the App if it is listed on ${listUrl(registration)}`,
        ]);
      case 'received':
        interruption.defer();
        return await finish(options, registration, stores, received.code, io);
    }
  } finally {
    interruption.close();
  }
}

async function finish(
  options: GitHubAppCreateOptions,
  registration: AppRegistration,
  stores: readonly SecretStore[],
  code: string,
  io: CommandProcess,
): Promise<number> {
  const { config: file, webhookUrl } = options;
  const host = { apiUrl: registration.apiUrl, version: VERSION };
  const app = await exchangeAppCode(host, code).catch((error: unknown) => {
    throw leftOver(error, `delete the App on ${listUrl(registration)} if it is there, then run the command again`);
  });
  const settingsUrl = `${listUrl(registration)}/${app.htmlUrl.split('/').at(-1) ?? ''}`;
  io.stdout.write(`${app.name} is registered with App ID ${app.appId}: ${app.htmlUrl}\n`);
  const webhookSecret = app.webhookSecret ?? randomBytes(32).toString('hex');
  await keepSecrets(stores, registration, app, webhookSecret, io).catch((error: unknown) => {
    throw leftOver(
      error,
      `its key is lost: delete the App on ${settingsUrl}/advanced and run the command again once the secrets can be written`,
    );
  });
  const isNamed = registration.settings.github.appId !== undefined;
  const problems = isNamed ? await writeSettings(file, app.appId, io) : [];
  const hook = { url: webhookUrl, secret: app.webhookSecret === undefined ? webhookSecret : undefined };
  if (hook.url === undefined) {
    io.stdout.write(`Its webhook has no address yet: when you have it, write it into Webhook URL on ${settingsUrl}\n`);
  } else {
    const { url, secret } = hook;
    await setAppHook(host, app, { url, ...defined({ secret }) }).then(
      () => io.stdout.write(`Its webhook goes to ${url}\n`),
      (error: unknown) => {
        if (!(error instanceof TidegateError)) throw error;
        problems.push(`${error.message}; write ${url} into Webhook URL on ${settingsUrl}`);
      },
    );
  }
  io.stdout.write(
    `Next: install the App on ${registration.settings.configRepository.url}: ${app.htmlUrl}/installations/new\n`,
  );
  const next = registration.secrets === 'folder' ? 'restart tidegate serve' : 'deploy the App ID: npx cdk deploy';
  if (isNamed) io.stdout.write(`Then ${next}\n`);
  return problems.length === 0 ? 0 : fail(io, 1, problems);
}

async function keepSecrets(
  stores: readonly SecretStore[],
  registration: AppRegistration,
  app: RegisteredApp,
  webhookSecret: string,
  io: CommandProcess,
): Promise<void> {
  const { privateKeySecret, webhookSecret: name } = registration;
  for (const store of stores) {
    await store.write(privateKeySecret, formatAppKey(app));
    await store.write(name, webhookSecret);
    io.stdout.write(
      `Its private key, with the App ID, and webhook secret are in ${store.place}: ${privateKeySecret}, ${name}\n`,
    );
  }
}

/** The file may have been edited while the person was on GitHub: it is read anew. */
async function writeSettings(file: string, appId: number, io: CommandProcess): Promise<string[]> {
  const byHand = `take github.appId out of it, or write ${appId} there`;
  const read = await readSettingsText(file);
  if ('fault' in read) return [`${file}: ${read.fault}; ${byHand}`];
  const { text: before } = read;
  const after = replaceAppId(before, appId);
  try {
    await replaceFile(file, { before, after });
  } catch {
    return [`${file} cannot be written; ${byHand}`];
  }
  io.stdout.write(formatDiff(file, before, after));
  return [];
}

function listUrl({ registerUrl }: AppRegistration): string {
  return registerUrl.replace(/\/new$/u, '');
}

function leftOver(error: unknown, advice: string): unknown {
  if (!(error instanceof TidegateError)) return error;
  return new TidegateError(error.code, `${error.message}; ${advice}`, { disposition: 'stall', cause: error });
}

interface Interruption {
  readonly signal: AbortSignal;
  /** From here on the first signal is only noted: stopping halfway would lose the key. */
  readonly defer: () => void;
  readonly close: () => void;
}

/** The first signal ends the wait in order; a second one ends the process as it always does. */
function watchForSignals(io: CommandProcess): Interruption {
  const controller = new AbortController();
  let isDeferred = false;
  const close = (): void => {
    io.off('SIGINT', stop);
    io.off('SIGTERM', stop);
  };
  const stop = (): void => {
    close();
    if (isDeferred) io.stderr.write('tidegate: the App is there; its secrets are put in place first\n');
    else controller.abort();
  };
  io.once('SIGINT', stop);
  io.once('SIGTERM', stop);
  return {
    signal: controller.signal,
    defer: () => {
      isDeferred = true;
    },
    close,
  };
}

function fail(io: Pick<CommandProcess, 'stderr'>, exitCode: number, problems: readonly string[]): number {
  for (const problem of problems) io.stderr.write(`tidegate: ${problem}\n`);
  return exitCode;
}
