import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { SQSClient } from '@aws-sdk/client-sqs';
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

import { createSqsEventSource } from '#shared/adapters/sqs/sqs-event-source.ts';
import type { ElasticContainerRegistry } from '#stand-ins/aws/elastic-container-registry.ts';
import { openElasticContainerRegistry } from '#stand-ins/aws/elastic-container-registry.ts';
import { ensureMoto } from '#stand-ins/aws/ensure-moto.ts';
import type { RunningMoto } from '#stand-ins/aws/start-moto.ts';
import { startMoto } from '#stand-ins/aws/start-moto.ts';

const starter = join(import.meta.dirname, '../../stand-ins/aws/start-moto.ts');

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function waitUntilGone(pid: number): Promise<boolean> {
  for (let attempt = 0; attempt < 100 && isAlive(pid); attempt += 1) await sleep(50);
  return !isAlive(pid);
}

describe('the ECR of the stand-in', () => {
  let moto: RunningMoto;
  let ecr: ElasticContainerRegistry;
  let sqs: SQSClient;
  beforeAll(async () => {
    moto = await startMoto();
    ecr = openElasticContainerRegistry(moto);
    sqs = new SQSClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    await ecr.createRepository({ name: 'team/podinfo', immutableTags: true });
  });
  afterAll(async () => {
    ecr.close();
    sqs.destroy();
    await moto.stop();
  });

  async function takeBodies(queueUrl: string): Promise<readonly unknown[]> {
    const source = createSqsEventSource({ queueUrl, client: sqs });
    const events = await source.receive({ waitSeconds: 1 });
    await source.delete(events.map(({ receiptHandle }) => receiptHandle));
    return events.map(({ body }): unknown => JSON.parse(body));
  }

  it.each(['pushes', 'pushes.fifo'])(
    'tells the queue %s of a push with the document of EventBridge',
    async (queueName) => {
      const { queueUrl } = await ecr.sendEventsTo({ queueName });
      const tag = queueName === 'pushes' ? '6.7.0' : '6.7.1';
      const before = Math.floor(Date.now() / 1000) * 1000;
      const { digest } = await ecr.pushImage({ repository: 'team/podinfo', tag });
      const [event, ...others] = await takeBodies(queueUrl);
      expect(others).toEqual([]);
      expect(event).toEqual({
        version: '0',
        id: expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/),
        'detail-type': 'ECR Image Action',
        source: 'aws.ecr',
        account: moto.account,
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
        region: moto.region,
        resources: [],
        detail: {
          result: 'SUCCESS',
          'repository-name': 'team/podinfo',
          'image-digest': digest,
          'action-type': 'PUSH',
          'image-tag': tag,
          'manifest-media-type': 'application/vnd.oci.image.manifest.v1+json',
          'artifact-media-type': 'application/vnd.oci.image.config.v1+json',
        },
      });
      const { time } = event as { readonly time: string };
      expect(Date.parse(time)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(time)).toBeLessThanOrEqual(Date.now());
    },
  );

  it('refuses another image under an immutable tag, and says nothing of it', async () => {
    const { queueUrl } = await ecr.sendEventsTo({ queueName: 'refused.fifo' });
    await ecr.pushImage({ repository: 'team/podinfo', tag: '7.0.0' });
    expect(await takeBodies(queueUrl)).toHaveLength(1);
    await expect(
      ecr.pushImage({ repository: 'team/podinfo', tag: '7.0.0', content: 'something else' }),
    ).rejects.toMatchObject({ name: 'ImageTagAlreadyExistsException' });
    await expect(ecr.pushImage({ repository: 'team/podinfo', tag: '7.0.0' })).rejects.toMatchObject({
      name: 'ImageAlreadyExistsException',
    });
    expect(await takeBodies(queueUrl)).toEqual([]);
  });

  it('moves a mutable tag to the image pushed last', async () => {
    await ecr.createRepository({ name: 'team/mutable', immutableTags: false });
    await ecr.pushImage({ repository: 'team/mutable', tag: 'latest' });
    const { digest } = await ecr.pushImage({ repository: 'team/mutable', tag: 'latest', content: 'newer' });
    const client = new ECRClient({ endpoint: moto.url, region: moto.region, credentials: moto.credentials });
    const { imageDetails } = await client.send(
      new DescribeImagesCommand({ repositoryName: 'team/mutable', imageIds: [{ imageTag: 'latest' }] }),
    );
    client.destroy();
    expect(imageDetails?.map(({ imageDigest }) => imageDigest)).toEqual([digest]);
  });

  it('loses the events of pushes when asked to, and delivers later ones', async () => {
    const { queueUrl } = await ecr.sendEventsTo({ queueName: 'lossy.fifo' });
    await ecr.loseEvents();
    await ecr.pushImage({ repository: 'team/podinfo', tag: '8.0.0' });
    expect(await takeBodies(queueUrl)).toEqual([]);
    await ecr.deliverEvents();
    await ecr.pushImage({ repository: 'team/podinfo', tag: '8.0.1' });
    expect(await takeBodies(queueUrl)).toMatchObject([{ detail: { 'image-tag': '8.0.1' } }]);
  });
});

async function runNode(program: string, env: Readonly<Record<string, string>>): Promise<string> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk.toString('utf8');
  });
  await new Promise((resolve) => child.once('close', resolve));
  return said;
}

describe('moto', () => {
  const folders: string[] = [];
  afterEach(async () => {
    for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
  });

  async function makeFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'tidegate-aws-'));
    folders.push(folder);
    return folder;
  }

  it('runs more than once, each with a world of its own, and leaves when stopped', async () => {
    const motos = await Promise.all([startMoto(), startMoto()]);
    const [first, second] = motos.map((moto) => openElasticContainerRegistry(moto));
    try {
      await first?.createRepository({ name: 'app', immutableTags: true });
      await second?.createRepository({ name: 'app', immutableTags: true });
      expect(new Set(motos.map(({ url }) => url)).size).toBe(2);
      expect(await motos[0].countRequests()).toEqual({ CreateRepository: 1 });
    } finally {
      first?.close();
      second?.close();
      await Promise.all(motos.map((moto) => moto.stop()));
    }
    for (const { pid } of motos) expect(isAlive(pid)).toBe(false);
  });

  it('is what another process talks to when it is given the environment', async () => {
    const moto = await startMoto();
    const ecr = openElasticContainerRegistry(moto);
    try {
      const image = await ecr.createRepository({ name: 'team/app', immutableTags: true });
      const { queueUrl } = await ecr.sendEventsTo({ queueName: 'pushes.fifo' });
      await ecr.pushImage({ repository: 'team/app', tag: '1.0.0' });
      const adapters = join(import.meta.dirname, '../../shared/adapters');
      const program = `
        import { createEcrImageRegistry } from ${JSON.stringify(`${adapters}/ecr/ecr-image-registry.ts`)};
        import { createSqsEventSource } from ${JSON.stringify(`${adapters}/sqs/sqs-event-source.ts`)};
        const allowed = { account: '${moto.account}', region: '${moto.region}', repositories: ['team/*'] };
        const tags = await createEcrImageRegistry({ registries: [allowed] }).listTags('${image}');
        const events = await createSqsEventSource({ queueUrl: '${queueUrl}' }).receive({ waitSeconds: 1 });
        console.log(tags.length, events.length);
      `;
      expect(await runNode(program, moto.env)).toBe('1 1\n');
    } finally {
      ecr.close();
      await moto.stop();
    }
  });

  it('holds every answer back for as long as it is told', async () => {
    const moto = await startMoto({ delayMs: 300 });
    const ecr = openElasticContainerRegistry(moto);
    const started = performance.now();
    await ecr.createRepository({ name: 'app', immutableTags: true });
    expect(performance.now() - started).toBeGreaterThanOrEqual(300);
    ecr.close();
    await moto.stop();
  });

  it('goes when its parent is killed', async () => {
    await ensureMoto();
    const program = `import { startMoto } from ${JSON.stringify(starter)}; console.log((await startMoto()).pid);`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const pid = await new Promise<number>((resolve, reject) => {
      parent.stdout.once('data', (chunk: Buffer) => resolve(Number(chunk.toString('utf8'))));
      parent.once('exit', () => reject(new Error('the parent ended before moto was there')));
    });
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    expect(await waitUntilGone(pid)).toBe(true);
  });

  it('says in one line that Python is missing, and what to do', async () => {
    const empty = await makeFolder();
    const attempt = ensureMoto({ env: { PATH: empty, TIDEGATE_CACHE: empty } });
    await expect(attempt).rejects.toThrow(
      /^python3 is needed to play AWS on this machine and was not found: install Python 3\.10 or newer .*$/,
    );
  });

  it.each([
    ['2.7.18', 'python3 is version 2.7.18, too old'],
    ['3.9.25', 'python3 is version 3.9.25, too old'],
    ['nonsense', 'python3 is version nonsense, too old'],
    ['3.14.0', 'install the package python3.14-venv'],
  ])('says in one line what is wrong with Python %s', async (version, complaint) => {
    const folder = await makeFolder();
    // What Debian's python3 without python3-venv answers, for any version.
    await writeFile(join(folder, 'python3'), `#!/bin/sh\nprintf '${version}\\n/usr/bin/python3\\nFalse\\n'\n`);
    await chmod(join(folder, 'python3'), 0o755);
    const error: unknown = await ensureMoto({ env: { PATH: folder, TIDEGATE_CACHE: folder } }).catch(
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error;
    expect(message).toContain(complaint);
    expect(message).not.toContain('\n');
  });
});
