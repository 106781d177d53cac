import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';

import { until } from './open-serve.ts';

const CLI = join(import.meta.dirname, '../../cli/tidegate.ts');
const CANARY = `ghp_${'c4nary'.repeat(6)}`;

const KUBECONFIG = `apiVersion: v1
kind: Config
clusters: [ { name: c, cluster: { server: "http://127.0.0.1:1" } } ]
users: [ { name: u, user: {} } ]
contexts: [ { name: nowhere, context: { cluster: c, user: u } } ]
`;

const SETTINGS = `configRepository: { url: "http://127.0.0.1:1/acme/fleet-infra" }
github: { apiUrl: "http://127.0.0.1:1", tokenSecret: token, webhookSecret: webhook }
clusters: [ { name: laptop, path: ./clusters/laptop, kubeconfig: { context: nowhere, file: kubeconfig } } ]
serve: { port: 0 }
`;

function makeInstallation(settings = SETTINGS): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-cli-'));
  mkdirSync(join(folder, 'secrets'));
  writeFileSync(join(folder, 'secrets', 'token'), CANARY);
  writeFileSync(join(folder, 'secrets', 'webhook'), 'canary-webhook-secret');
  writeFileSync(join(folder, 'kubeconfig'), KUBECONFIG);
  writeFileSync(join(folder, 'tidegate.yaml'), settings);
  return join(folder, 'tidegate.yaml');
}

interface Run {
  readonly output: () => string;
  readonly errors: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly exit: Promise<number | null>;
}

function start(args: readonly string[], path = process.env['PATH'] ?? ''): Run {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: path },
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const exit = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  return { output: () => output, errors: () => errors, kill: (signal) => child.kill(signal), exit };
}

/** The lines of a log that contain a text, as objects. */
function linesWith(log: string, text: string): readonly unknown[] {
  const lines = log.split('\n').filter((line) => line.includes(text));
  return lines.map((line): unknown => JSON.parse(line));
}

describe('the tidegate command', () => {
  it('says that right settings are right', async () => {
    const run = start(['check-config', '--config', makeInstallation()]);

    expect(await run.exit).toBe(0);
    expect(run.output()).toContain('tidegate.yaml is valid');
  });

  it.each(['serve', 'check-config'])(
    'answers wrong settings in %s with every problem and exit code 2',
    async (command) => {
      const file = makeInstallation(SETTINGS.replace('port: 0', 'prot: 0').replace('name: laptop, ', ''));

      const run = start([command, '--config', file]);

      expect(await run.exit).toBe(2);
      expect(run.errors()).toBe(
        `${file}:3:13: clusters[0].name: missing; allowed: text (quote it if it is all digits)\n` +
          `${file}:4:10: serve.prot: unknown key; allowed: address, port, stateFolder, secretsFolder, tickSeconds, publicUrl, ecrEventsQueueUrl; did you mean port?\n`,
      );
    },
  );

  it('gives the problems as JSON to a program', async () => {
    const file = makeInstallation(SETTINGS.replace('port: 0', 'port: -1'));

    const run = start(['check-config', '--json', '--config', file]);

    expect(await run.exit).toBe(2);
    expect(JSON.parse(run.output())).toMatchObject({ valid: false, problems: [{ line: 4, field: 'serve.port' }] });
  });

  it('counts dead letters, resends and discards them', async () => {
    const config = makeInstallation();
    const database = openSqliteDatabase(join(dirname(config), '.tidegate'));
    const queues = createSqliteWorkQueues(database, { now: () => Date.now() }, { maxReceives: 0 });
    const message = { type: 'InstructionsChanged', cluster: 'laptop' } as const;
    const bury = () => queues.receive({ queue: 'image-update', max: 1, visibilityMs: 1 });
    const answer = async (...options: readonly string[]): Promise<string> => {
      const run = start(['dead-letters', '--config', config, ...options]);
      expect(await run.exit).toBe(0);
      return run.output();
    };
    await queues.send({ queue: 'image-update', group: 'laptop', deduplicationId: '1', message });
    bury();

    expect(await answer()).toMatch(
      /^image-update: 1\n {2}1 {2}\d{4}-\S+Z {2}image-update {2}InstructionsChanged of laptop, tried 0 times\n$/u,
    );
    expect(await answer('--redrive')).toBe('1 sent again\n');
    expect(queues.depths()).toMatchObject([{ waiting: 1, deadLetters: 0 }]);
    bury();
    expect(await answer('--drop')).toBe('1 discarded\n');
    expect(await answer()).toBe('no dead letters\n');
    database.close();
  });

  it.each([
    ['an unknown command', ['sevre'], "unknown command 'sevre'"],
    ['a wrong port', ['serve', '--port', '99999'], 'allowed: 0 to 65535'],
    ['a file that is not there', ['serve', '--config', '/nowhere/tidegate.yaml'], 'there is no such file'],
  ])('refuses %s with exit code 2', async (_, args, message) => {
    const run = start(args);

    expect(await run.exit).toBe(2);
    expect(run.errors()).toContain(message);
  });

  it('makes no database to look for dead letters where serve never ran', async () => {
    const config = makeInstallation();

    const run = start(['dead-letters', '--config', config]);

    expect(await run.exit).toBe(0);
    expect(run.output()).toMatch(/^no dead letters: serve has kept nothing in .*\.tidegate yet\n$/u);
    expect(existsSync(join(dirname(config), '.tidegate'))).toBe(false);
  });

  it('shows as a dead letter what the log of serve calls given up, and calls nothing so that it does not keep', async () => {
    const config = makeInstallation();
    const { kubectl } = await ensureClusterBinaries();
    const database = openSqliteDatabase(join(dirname(config), '.tidegate'));
    const queues = createSqliteWorkQueues(database, { now: () => Date.now() }, { maxReceives: Infinity });
    const kept = {
      type: 'RepositoryPushed',
      repository: 'https://x.dev/a/b',
      ref: 'refs/heads/main',
      after: 'a',
      deliveryId: 'd',
    } as const;
    await queues.send({ queue: 'source-sync', group: 'b', deduplicationId: '1', message: kept });
    await queues.send({ queue: 'image-update', group: 't', deduplicationId: '2', message: { type: 'Tick', id: '1' } });
    for (const queue of ['source-sync', 'image-update'] as const) {
      for (let tries = 0; tries < 8; tries += 1) {
        const [message] = queues.receive({ queue, max: 1, visibilityMs: 60_000 });
        queues.release(message?.receipt ?? '');
      }
    }
    database.close();

    const serve = start(['serve', '--config', config], `${dirname(kubectl)}:${process.env['PATH']}`);
    await until('both to be given up', () => serve.output().split(' given up').length === 3, 30_000);
    serve.kill('SIGTERM');
    await serve.exit;
    const shown = start(['dead-letters', '--config', config]);

    expect(await shown.exit).toBe(0);
    expect(linesWith(serve.output(), '"message given up"')).toMatchObject([{ level: 'error', id: '1' }]);
    expect(linesWith(serve.output(), '"tick given up"')).toMatchObject([{ level: 'warn', id: '2' }]);
    expect(shown.output()).toMatch(
      /^source-sync: 1\n {2}1 {2}\S+ {2}source-sync {2}RepositoryPushed of b, tried 8 times\n$/u,
    );
  });

  const EKS_ONLY =
    'clusters: [ { name: prod, path: ./clusters/prod, eks: { name: acme-prod, region: eu-west-1, endpoint: "https://eks.dev", certificateAuthority: AAAA } } ]';

  it('tells serve without a cluster of its own so, before it asks for anything that it would not need', async () => {
    const config = makeInstallation(SETTINGS.replace(/clusters: .*/u, EKS_ONLY));
    rmSync(join(dirname(config), 'secrets'), { recursive: true });

    const run = start(['serve', '--config', config]);

    expect(await run.exit).toBe(2);
    expect(run.errors()).toBe(
      `${config}:3:1: clusters: found no cluster with kubeconfig; allowed: at least one, those with eks are for cdk deploy; to reach one from here run \`aws eks update-kubeconfig --name acme-prod --region eu-west-1\` and name its context in kubeconfig.context in place of eks\n`,
    );
  });

  it.each(['serve', 'check-config'])('%s says at once that no state can be kept in /proc', async (command) => {
    const config = makeInstallation(SETTINGS.replace('port: 0', 'port: 0, stateFolder: /proc/nope'));

    const run = start([command, '--config', config]);

    expect(await run.exit).toBe(2);
    expect(run.errors()).toMatch(
      /^\S+:4:19: serve\.stateFolder: \/proc\/nope cannot be used \(ENOENT.*\); allowed: a folder that can be written to, or made\n$/u,
    );
  });

  it.each([
    ['a region that there is not', EKS_ONLY.replace('eu-west-1', 'eu-wst-1'), 'did you mean eu-west-1?'],
    [
      'more than anybody has to say of a cluster',
      EKS_ONLY.replace('./clusters/prod', `./clusters/prod, approvePrune: ${'n'.repeat(66_000)}/a=1`),
      'allowed: 65536 for path',
    ],
    [
      'two names for one EKS cluster',
      EKS_ONLY.replace(' ]', `, ${EKS_ONLY.slice(12).replace('name: prod', 'name: again')}`),
      'found the API server of cluster "prod"',
    ],
  ])('check-config refuses what cdk synth refuses: %s', async (_, clusters, message) => {
    const config = makeInstallation(SETTINGS.replace(/clusters: .*/u, clusters));

    const run = start(['check-config', '--file-only', '--config', config]);

    expect(await run.exit).toBe(2);
    expect(run.errors()).toMatch(/^\S+:3:\d+: clusters\[\d\]/u);
    expect(run.errors()).toContain(message);
  });

  it.each(['serve', 'check-config'])('%s names all that is missing at once, with its line', async (command) => {
    const config = makeInstallation(
      SETTINGS.replace('nowhere', 'elsewhere').replace('port: 0', 'stateFolder: secrets/webhook'),
    );
    const folder = dirname(config);
    rmSync(join(folder, 'secrets', 'token'));
    mkdirSync(join(folder, 'secrets', 'token'));

    const run = start([command, '--config', config]);

    expect(await run.exit).toBe(2);
    const lines = run.errors().replaceAll(folder, '').trim().split('\n');
    expect(lines).toEqual([
      '/tidegate.yaml:2:41: github.tokenSecret: /secrets/token is a folder; allowed: a file with the value',
      '/tidegate.yaml:3:68: clusters[0].kubeconfig.context: kubeconfig /kubeconfig, context elsewhere: no such context; contexts are nowhere',
      expect.stringMatching(/^\/tidegate\.yaml:4:10: serve\.stateFolder: \/secrets\/webhook cannot be used \(ENOTDIR/u),
    ]);
  });

  it('finds a missing secret and a cluster without its folder, and with --file-only neither', async () => {
    const config = makeInstallation();
    mkdirSync(join(dirname(config), 'clusters/other'), { recursive: true });
    rmSync(join(dirname(config), 'secrets', 'webhook'));

    const [all, one] = [
      start(['check-config', '--config', config]),
      start(['check-config', '--file-only', '--config', config]),
    ];

    expect([await all.exit, await one.exit]).toEqual([2, 0]);
    expect(all.errors().trim().split('\n')).toEqual([
      `${config}:2:61: github.webhookSecret: is the secret webhook: put its value into ${join(dirname(config), 'secrets/webhook')}`,
      `${config}:3:29: clusters[0].path: found "./clusters/laptop", which is not in the repository beside; allowed: a folder that is there`,
    ]);
    expect(readdirSync(dirname(config)).toSorted()).toEqual(['clusters', 'kubeconfig', 'secrets', 'tidegate.yaml']);
  });

  it.each([
    ['a folder', '/tmp', 'it is a folder, not a file'],
    ['what never ends', '/dev/zero', 'it is larger than 4 MiB'],
    ['below a file', '/dev/null/tidegate.yaml', 'it cannot be read (ENOTDIR)'],
    ['nothing', '', 'found nothing; allowed: the path of a file'],
  ])('refuses %s for settings in every command', async (_, file, message) => {
    const commands = [
      ['serve'],
      ['check-config'],
      ['dead-letters'],
      ['cluster', 'add', 'a', '--region', 'eu-west-1'],
      ['github-app', 'create'],
    ];
    const runs = commands.map((args) => start([...args, '--config', file]));

    for (const run of runs) {
      expect(await run.exit).toBe(2);
      expect(run.errors()).toContain(message);
      expect(run.errors().trim().split('\n')).toHaveLength(1);
    }
  });

  it('shows no stack trace to a reader that goes away', async () => {
    const child = spawn('sh', [
      '-c',
      `'${process.execPath}' '${CLI}' --help | true; '${process.execPath}' '${CLI}' check-config --config '${makeInstallation()}' --json | true`,
    ]);
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await once(child, 'close');

    expect(errors).toBe('');
  });

  it('goes on serving when nobody reads its log any more, and says so once', async () => {
    const { kubectl } = await ensureClusterBinaries();
    const config = makeInstallation(SETTINGS.replace('port: 0', 'port: 0, tickSeconds: 1'));
    const child = spawn(process.execPath, [CLI, 'serve', '--config', config], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PATH: `${dirname(kubectl)}:${process.env['PATH']}` },
    });
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    await until('the server', () => output.includes('"serving"'), 30_000);
    const [, url = ''] = /"url":"([^"]+)"/u.exec(output) ?? [];
    child.stdout.destroy();
    await until('the word of it', () => errors !== '', 30_000);

    const health = await fetch(`${url}/healthz`);
    child.kill('SIGTERM');
    const [code] = await once(child, 'close');

    expect(health.status).toBe(200);
    expect(code).toBe(0);
    expect(errors).toMatch(/^tidegate: the log cannot be written \(.*EPIPE.*\); serve goes on without it\n$/u);
  });

  it('says in one line that kubectl is missing', async () => {
    const run = start(['serve', '--config', makeInstallation()], '/nowhere');

    expect(await run.exit).toBe(2);
    expect(run.errors()).toMatch(/^tidegate: kubectl is not on PATH: .*\n$/u);
  });

  it('serves with everything else out of reach, stops on SIGTERM with exit code 0 and shows no secret', async () => {
    const { kubectl } = await ensureClusterBinaries();
    const config = makeInstallation();
    const builds = join(dirname(config), '.tidegate', 'builds');
    mkdirSync(join(builds, 'tidegate-build-of-a-killed-process'), { recursive: true });
    const run = start(['serve', '--config', config], `${dirname(kubectl)}:${process.env['PATH']}`);
    await until('the server', () => run.output().includes('"message":"serving"'), 30_000);
    expect(readdirSync(builds)).toEqual([]);
    const { url } = JSON.parse(
      run
        .output()
        .split('\n')
        .find((line) => line.includes('"serving"')) ?? '{}',
    ) as { url: string };

    const health = await fetch(`${url}/healthz`);
    await until(
      'the first failure',
      () => run.output().includes('"level":"warn"') || run.output().includes('"level":"error"'),
    );
    run.kill('SIGTERM');

    expect(health.status).toBe(200);
    expect(await run.exit).toBe(0);
    expect(run.output()).toContain('"message":"stopped"');
    expect(run.output() + run.errors()).not.toContain(CANARY);
    expect(run.output() + run.errors()).not.toContain('canary-webhook-secret');
  });
});
