import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ensurePythonEnvironment } from '#local/ensure-python-environment.ts';
import { EXAMPLE_SETTINGS, resourcesOf, synthesize, type Synthesized } from './synthesize.ts';

const run = promisify(execFile);
const FORWARDING = 'infra/ecr-forwarding.yaml';

/** Findings that are the CDK's own doing and harmless; each with its reason. */
const IGNORED: Readonly<Record<string, string>> = {
  W3005: 'the CDK writes a DependsOn also where a reference has the same effect',
};

let folder: string;
let synthesized: Synthesized;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidegate-cfn-lint-'));
  synthesized = await synthesize(EXAMPLE_SETTINGS, folder);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test.each([
  {
    what: 'the template of the stack',
    ignored: Object.keys(IGNORED),
    find: () => synthesized.templateFile,
  },
  { what: 'the template that forwards pushes', ignored: [], find: () => FORWARDING },
])('cfn-lint finds nothing in $what', { timeout: 300_000 }, async ({ find, ignored }) => {
  const { bin } = await ensurePythonEnvironment({
    name: 'cfn-lint',
    purpose: 'to check CloudFormation templates',
    requirementsFile: join(import.meta.dirname, 'cfn-lint', 'requirements.txt'),
  });
  const templateFile = find();

  const ignore = ignored.length === 0 ? [] : ['--ignore-checks', ...ignored];
  const lint = run(join(bin, 'cfn-lint'), ['--regions', 'eu-west-1', ...ignore, '--', templateFile]);

  await expect(lint.then(({ stdout }) => stdout)).resolves.toBe('');
});

test('what is forwarded is what the rules of the stack wait for, before they look at account, region and name', async () => {
  const Rule = z.object({ EventPattern: z.looseObject({ detail: z.record(z.string(), z.unknown()) }) });
  const [rule] = resourcesOf(synthesized.template, 'AWS::Events::Rule');
  const { account: _account, region: _region, ...awaited } = Rule.parse(rule?.[1].Properties).EventPattern;
  const { 'repository-name': _names, ...detail } = awaited.detail;

  const tags = ['!Ref', '!GetAtt'].map((tag) => ({ tag, resolve: (text: string) => text }));
  const forwarding: unknown = parse(await readFile(FORWARDING, 'utf8'), { customTags: tags });

  expect(forwarding).toMatchObject({ Resources: { Pushes: { Properties: { EventPattern: { ...awaited, detail } } } } });
});
