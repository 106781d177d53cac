import { DescribeClusterCommand, EKSClient } from '@aws-sdk/client-eks';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { listAccessEntries } from '#stand-ins/aws/list-access-entries.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

import { createEksCluster, describeProduction } from './eks-fixture.ts';
import { startCommand } from './start-command.ts';

let moto: RunningMoto;
let settings: string;

beforeAll(async () => {
  moto = await startMoto();
  const eks = new EKSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
  await createEksCluster(eks, 'prod');
  const { cluster } = await eks.send(new DescribeClusterCommand({ name: 'prod' }));
  eks.destroy();
  settings = describeProduction({
    region: moto.region,
    endpoint: cluster?.endpoint,
    certificateAuthority: cluster?.certificateAuthority?.data,
  });
});
afterAll(() => moto?.stop());

async function refresh(text: string, ...args: readonly string[]) {
  const file = join(mkdtempSync(join(tmpdir(), 'tidegate-cluster-refresh-')), 'tidegate.yaml');
  writeFileSync(file, text);
  const run = startCommand(['cluster', 'refresh', 'production', ...args, '--config', file], moto.env);
  const exitCode = await run.exit;
  return { exitCode, output: run.output(), errors: run.errors(), text: readFileSync(file, 'utf8') };
}

describe('tidegate cluster refresh', () => {
  it('makes the access entry of a role, finds it there the second time, and mends its group', async () => {
    const principal = `arn:aws:iam::${moto.account}:role/tidegate-eu-west-1-Reconcile`;
    const old = settings.replace(/endpoint: .*/u, 'endpoint: https://gone.eks.amazonaws.com');
    const workload = `${old.replace('    eks:', '    namespaces: [ apps ]\n    eks:')}      profile: workload\n`;
    const entry = async (text: string): Promise<unknown> =>
      JSON.parse((await refresh(text, '--access-entry', principal, '--json')).output);

    const outcomes = [await entry(old), await entry(old), await entry(workload)];

    expect(outcomes).toMatchObject([
      { written: true, changed: ['endpoint'], accessEntry: 'made', reconcile: 'not sent', problems: [] },
      { accessEntry: 'there' },
      { accessEntry: 'changed' },
    ]);
    expect(await listAccessEntries(moto, 'prod')).toEqual([
      { principalArn: principal, kubernetesGroups: ['tidegate:workload'] },
    ]);
  });

  it('does nothing in a dry run', async () => {
    const old = settings.replace(/endpoint: .*/u, 'endpoint: https://gone.eks.amazonaws.com');

    const { exitCode, output, text } = await refresh(old, '--dry-run', '--access-entry', 'arn:aws:iam::1:role/x');
    const dry = await refresh(old, '--dry-run');

    expect([exitCode, text, output]).toEqual([2, old, '']);
    expect([dry.exitCode, dry.text, dry.errors]).toEqual([0, old, '']);
    expect(dry.output).toContain('this was a dry run');
  });

  it.each([
    [
      'a queue that is not deployed',
      [],
      1,
      /tidegate-reconcile-production\.fifo in eu-west-1\) does not exist: deploy it/u,
    ],
    ['an access entry of nobody', ['--access-entry'], 2, /--access-entry: found no role; allowed: the ARN/u],
  ])('says in one line what is wrong with %s', async (_what, args, expected, says) => {
    const { exitCode, errors, text } = await refresh(settings, ...args);

    expect([exitCode, text]).toEqual([expected, settings]);
    expect(errors).toMatch(says);
    expect(errors.trimEnd().split('\n')).toHaveLength(1);
  });
});
