import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

import { parseFluxObject } from '#shared/flux/parse-flux-object.ts';
import { automationsToRun } from '#shared/image-update/automations-to-run.ts';
import { createFieldLocator } from '#shared/kubernetes/locate-field.ts';
import { ADOPT_ANNOTATION } from '#shared/kubernetes/names.ts';
import type { StatusRecord } from '#shared/records/journal-record.ts';
import { readManifests } from '#shared/render/read-manifests.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import { sourceSpecDigest } from '#shared/sources/source-spec-digest.ts';
import { sourcesToSync } from '#shared/sources/sources-to-sync.ts';
import { WorkMessage } from '#shared/work/work-message.ts';
import { ensureMoto } from '#stand-ins/aws/ensure-moto.ts';

const run = promisify(execFile);
const documents = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...(await readdir('docs')).filter((name) => name.endsWith('.md')).map((name) => join('docs', name)),
];
const { scripts } = z
  .object({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(await readFile('package.json', 'utf8')));

/** The commands that CI and the tests of the demo run as a whole. Here it is enough that they exist. */
const RUN_ELSEWHERE = /^npm (?:ci|cit)$/u;
const CLUSTERS = 'clusters: [{ name: a, path: ./clusters/a, kubeconfig: { context: a } }]\n';
const NPM_SCRIPT = /^npm (?:run )?(?<script>[a-z:-]+)(?: -- .*)?$/u;
/** Commands against somebody's AWS account; `test/infra` synthesizes what they deploy. */
const AGAINST_AWS =
  /^(?:aws|npx cdk (?:deploy|destroy|bootstrap|diff)|npx tidegate (?:check-config --online|cluster refresh (?!--help))|kubectl apply)\b/u;

async function blocksOf(document: string, language: string): Promise<readonly string[]> {
  const text = await readFile(document, 'utf8');
  return [...text.matchAll(new RegExp(`^\`\`\`${language}\\n(?<body>.*?)^\`\`\`$`, 'gmsu'))].map(
    (match) => match.groups?.['body'] ?? '',
  );
}

const commands = (
  await Promise.all(
    documents.map(async (document) =>
      (await blocksOf(document, 'sh'))
        .flatMap((block) => block.replaceAll('\\\n', ' ').split(/\n|&&/u))
        .map((line) => line.trim())
        .filter((line) => line !== '' && !line.startsWith('#'))
        .map((command) => ({ document, command })),
    ),
  )
).flat();

const npmCommands = commands.flatMap((one) => {
  const script = NPM_SCRIPT.exec(one.command)?.groups?.['script'];
  return script === undefined || RUN_ELSEWHERE.test(one.command) ? [] : [{ ...one, script }];
});
const otherCommands = commands.filter(
  ({ command }) => !RUN_ELSEWHERE.test(command) && !AGAINST_AWS.test(command) && !NPM_SCRIPT.test(command),
);

describe('a command in the documentation', () => {
  it.each(npmCommands)('is a script of package.json: $command ($document)', ({ script }) => {
    expect(Object.keys(scripts)).toContain(script);
  });

  it.each(otherCommands)('works: $command ($document)', async ({ command }) => {
    const [program = '', ...args] = command.split(/\s+/u);

    const { stdout } = await run(program, args);

    expect(stdout).not.toBe('');
  });
});

describe('a deployment in the documentation', () => {
  const deploys = commands.filter(({ command }) => command.startsWith('npx cdk deploy'));

  it('is there', () => expect(deploys.length).toBeGreaterThanOrEqual(4));

  it.each([...new Set(deploys.map(({ document }) => document))])(
    'comes after a look at the clusters, for one that does not fit takes it back for all: %s',
    async (document) => {
      const blocks = (await blocksOf(document, 'sh')).filter((block) => block.includes('npx cdk deploy'));

      expect(blocks.filter((block) => !/check-config --online[^]*npx cdk deploy/u.test(block))).toEqual([]);
    },
  );
});

describe('a message that a person sends by hand', () => {
  const messages = commands.flatMap(({ command }) => {
    const { queue, body } =
      /^aws sqs send-message .*\/(?<queue>tidegate-[^ /]+)\.fifo .*--message-body '(?<body>[^']*)'$/u.exec(command)
        ?.groups ?? {};
    return queue === undefined ? [] : [{ command, queue, message: WorkMessage.parse(JSON.parse(body ?? '')) }];
  });
  const now = Date.now();
  const [namespace, cluster] = ['flux-system', 'production'];
  const root = { cluster, kind: 'GitRepository', namespace, name: 'flux-system' } as const;
  const recent = { suspended: false, observedAt: now, dueAt: now + 3_600_000, conditions: [] };
  const repository = {
    namespace,
    name: root.name,
    url: 'https://github.com/acme/fleet-infra',
    intervalMs: 3_600_000,
    timeoutMs: 60_000,
    ref: { branch: 'main' },
    suspend: false,
  };
  const status = (kind: string, name: string, details = {}): StatusRecord => ({
    type: 'Status',
    object: { cluster, kind, namespace, name },
    ...recent,
    details,
  });
  const images = { namespace, name: 'web', image: 'i', intervalMs: 1, exclusionList: [], suspend: false };
  const automation = {
    namespace,
    name: 'web',
    sourceRef: { kind: 'GitRepository', namespace, name: root.name },
    intervalMs: 1,
    commitAuthor: { email: 'tidegate@example.com' },
    updatePath: './',
    suspend: false,
  } as const;
  const fluxObjects = {
    cluster,
    revision: 'main@sha1:1',
    gitRepositories: [repository],
    imageRepositories: [images],
    imagePolicies: [],
    imageUpdateAutomations: [automation],
  };

  /** What a message makes of a queue's subjects, none of which is due. */
  function countWork(queue: string, message: WorkMessage): number {
    if (queue === 'tidegate-source-sync') {
      const spec = sourceSpecDigest(repository);
      const source = { key: root, repository, status: status('GitRepository', root.name, { spec }) };
      return sourcesToSync(message, [source], { at: now, tickMs: 60_000, githubApiUrl: 'https://api.github.com' })
        .length;
    }
    if (queue === 'tidegate-image-update') {
      const statuses = [status('ImageRepository', 'web'), status('ImageUpdateAutomation', 'web')];
      const checkout = {
        configRepository: { url: repository.url, branch: 'main' },
        githubApiUrl: 'https://api.github.com',
        branchPrefix: 'tidegate/',
        installation: 'default',
      };
      return automationsToRun(message, [{ fluxObjects, statuses }], checkout, now).length;
    }
    // What comes of it, test/integration/rebuilt-cluster.test.ts shows.
    return queue === `tidegate-reconcile-${cluster}` && message.type === 'Reconcile' ? 1 : 0;
  }

  it('is there for each queue', () => {
    expect(messages.map(({ queue }) => queue)).toEqual([
      'tidegate-reconcile-production',
      'tidegate-source-sync',
      'tidegate-image-update',
    ]);
  });

  it.each(messages)(
    'does something though nothing is due, which a tick does not: $message.type',
    ({ queue, message }) => {
      expect(countWork(queue, message)).toBe(1);
      expect(countWork(queue, { type: 'Tick', id: 'tick' })).toBe(0);
    },
  );

  it.each(messages)(
    'has a deduplication id, without which SQS drops it the second time: $message.type',
    ({ command }) => {
      expect(command).toMatch(/--message-deduplication-id \S+/u);
    },
  );
});

describe('a command of the AWS CLI in the documentation', () => {
  it('is one with options that the models of the CLI know, and with all that it needs', async () => {
    const texts = await Promise.all(documents.map((document) => readFile(document, 'utf8')));
    // Those in lists are indented.
    const blocks = texts.flatMap((text) => [...text.matchAll(/^ *```sh\n(?<body>.*?)^ *```$/gmsu)]);
    const lines = blocks
      .flatMap(({ groups }) => (groups?.['body'] ?? '').replaceAll('\\\n', ' ').split('\n'))
      .map((line) => line.trim().replaceAll(/<[^>]*>/gu, 'something'))
      .filter((line) => line.startsWith('aws '));
    expect(lines.length).toBeGreaterThan(20);

    expect(await faultsOfAwsCommands(lines)).toEqual([]);
    expect(await faultsOfAwsCommands(['aws sqs send-message --queue somewhere'])).toEqual([
      'no option --queue; --message-body is required; --queue-url is required: aws sqs send-message --queue somewhere',
    ]);
  });
});

/** What is wrong with commands by the models that the AWS CLI is made from, which moto brings along. */
async function faultsOfAwsCommands(lines: readonly string[]): Promise<readonly string[]> {
  const { python } = await ensureMoto();
  const asked = run(python, ['stand-ins/aws/describe-aws-commands.py']);
  asked.child.stdin?.end(lines.join('\n'));
  const answers = z.array(z.array(z.string())).parse(
    (await asked).stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)),
  );
  return lines.flatMap((line, index) => {
    const faults = answers[index] ?? ['nothing was said'];
    return faults.length === 0 ? [] : [`${faults.join('; ')}: ${line}`];
  });
}

describe('a link in the documentation', () => {
  it.each(documents)('leads to a file that is there: %s', async (document) => {
    const text = await readFile(document, 'utf8');
    const targets = [...text.matchAll(/\]\((?<target>[^)#\s]+)(?:#[^)]*)?\)/gu)].map(
      (match) => match.groups?.['target'] ?? '',
    );
    const missing = targets
      .filter((target) => !/^[a-z]+:/u.test(target))
      .filter((target) => !existsSync(resolve(dirname(document), target)));

    expect(missing).toEqual([]);
  });
});

describe('the service unit in the documentation', () => {
  it.each(['ExecStart', 'ExecStartPre'])('starts what there is, with options that there are: %s', async (key) => {
    const [unit = ''] = await blocksOf('docs/operations-serve.md', 'ini');
    const line = new RegExp(`^${key}=\\S+/node (?<args>.*)$`, 'mu').exec(unit)?.groups?.['args'] ?? '';

    const started = run(process.execPath, line.split(' '));

    // Everything is read before the settings, which are not on this machine.
    await expect(started).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('there is no such file') });
  });
});

describe('what the documentation says of adopting', () => {
  it('is a Kustomization that Tidegate reads, with the annotation for all that it renders', async () => {
    const [block = ''] = await blocksOf('docs/adopting.md', 'yaml');

    const manifests = readManifests(block);
    const [object] = manifests.outcome === 'read' ? manifests.objects : [];
    const file = 'docs/adopting.md';
    const id = { group: 'kustomize.toolkit.fluxcd.io', kind: 'Kustomization', namespace: 'flux-system', name: 'apps' };
    const locate = createFieldLocator({ files: new Map(), id, folder: 'docs', kustomizationFile: file });

    const parsed = object === undefined ? manifests : parseFluxObject(object, locate);

    expect(parsed).toMatchObject({
      outcome: 'parsed',
      fluxObject: { commonMetadata: { annotations: { [ADOPT_ANNOTATION]: 'enabled' } } },
    });
  });
});

describe('settings in the documentation', () => {
  it.each(['docs/install-serve.md', 'docs/install-aws.md'])('are right as they stand: %s', async (document) => {
    const blocks = await blocksOf(document, 'yaml');

    expect(blocks).not.toEqual([]);
    for (const block of blocks) {
      // A command adds the clusters to settings that have none yet.
      const text = block.includes('clusters:') ? block : `${block}${CLUSTERS}`;
      expect(parseSettings(text, document)).toMatchObject({ outcome: 'valid' });
    }
  });
});
