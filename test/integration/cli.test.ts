import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ensureClusterBinaries } from '#local/cluster/build-binaries.ts';
import { openSqliteDatabase } from '#shared/adapters/sqlite/sqlite-database.ts';
import { createSqliteWorkQueues } from '#shared/adapters/sqlite/sqlite-work-queues.ts';
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

describe('the tidegate command', () => {
  it('says that right settings are right', async () => {
    const run = start(['check-config', '--config', makeInstallation()]);

    expect(await run.exit).toBe(0);
    expect(run.output()).toContain('tidegate.yaml is right');
  });

  it.each(['serve', 'check-config'])(
    'answers wrong settings in %s with every problem and exit code 2',
    async (command) => {
      const file = makeInstallation(SETTINGS.replace('port: 0', 'prot: 0').replace('name: laptop, ', ''));

      const run = start([command, '--config', file]);

      expect(await run.exit).toBe(2);
      expect(run.errors()).toBe(
        `${file}:3:13: clusters[0].name: missing; allowed: text (quote it if it is all digits)\n` +
          `${file}:4:10: serve.prot: unknown key; allowed: address, port, stateFolder, secretsFolder, tickSeconds, ecrEventsQueueUrl; did you mean port?\n`,
      );
    },
  );

  it('gives the problems as JSON to a program', async () => {
    const file = makeInstallation(SETTINGS.replace('port: 0', 'port: -1'));

    const run = start(['check-config', '--json', '--config', file]);

    expect(await run.exit).toBe(2);
    expect(JSON.parse(run.output())).toMatchObject({ valid: false, problems: [{ line: 4, field: 'serve.port' }] });
  });

  it('counts dead letters, sends them again and forgets them', async () => {
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

    expect(await answer()).toBe('image-update: 1\n');
    expect(await answer('--redrive')).toBe('1 sent again\n');
    expect(queues.depths()).toMatchObject([{ waiting: 1, deadLetters: 0 }]);
    bury();
    expect(await answer('--drop')).toBe('1 forgotten\n');
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

  it('says in one line that kubectl is missing', async () => {
    const run = start(['serve', '--config', makeInstallation()], '/nowhere');

    expect(await run.exit).toBe(2);
    expect(run.errors()).toMatch(/^tidegate: kubectl is not on PATH: .*\n$/u);
  });

  it('serves with everything else out of reach, stops on SIGTERM with exit code 0 and shows no secret', async () => {
    const { kubectl } = await ensureClusterBinaries();
    const run = start(['serve', '--config', makeInstallation()], `${dirname(kubectl)}:${process.env['PATH']}`);
    await until('the server', () => run.output().includes('"message":"serving"'), 30_000);
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
