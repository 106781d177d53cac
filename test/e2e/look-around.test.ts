import { execFile } from 'node:child_process';
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { describeEndpoints } from '#demo/describe-endpoints.ts';
import { endpointsOf } from '#demo/endpoints-of.ts';
import type { ServeEnvironment } from '#demo/serve-environment.ts';

import { startSmallEnvironment } from './small-environment.ts';

const run = promisify(execFile);

let environment: ServeEnvironment;
let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate look around-'));
  environment = await startSmallEnvironment((files) => files);
  await environment.serve.start();
});
afterAll(async () => {
  await environment.close();
  await rm(folder, { recursive: true, force: true });
});

describe('what --keep says of looking around', () => {
  test('is commands that a shell takes as they stand, to the merge of a pull request', async () => {
    const lines = describeEndpoints(endpointsOf(environment));
    const commands = lines.filter((line) => /^ {2}[^ (]/u.test(line)).map((line) => line.trim());
    const before = await environment.user.readHead();
    const env = {
      ...process.env,
      GIT_CONFIG_COUNT: '2',
      GIT_CONFIG_KEY_0: 'user.name',
      GIT_CONFIG_VALUE_0: 'Octavia',
      GIT_CONFIG_KEY_1: 'user.email',
      GIT_CONFIG_VALUE_1: 'octavia@acme.dev',
    };

    let number = 0;
    const answers: string[] = [];
    for (const command of commands) {
      if (command.includes('commit -am')) {
        await appendFile(join(folder, 'fleet-infra/apps/podinfo/config-map.yaml'), '# tried\n');
      }
      // -f: an answer such as 404 fails.
      const shown = command.replace(/^curl /u, 'curl -f ').replace('NUMBER', String(number));
      const { stdout } = await run('sh', ['-c', shown], { cwd: folder, env });
      number = Number(/"number": ?(\d+)/u.exec(stdout)?.[1] ?? number);
      answers.push(stdout);
    }

    expect(answers[1]).toContain('"status"');
    expect(number).toBe(1);
    expect(await environment.user.readHead()).not.toBe(before);
    expect((await environment.user.listPulls()).map(({ title, state }) => `${title}: ${state}`)).toEqual([
      'Try it: closed',
    ]);
  }, 120_000);
});
