import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { RESOURCE_FACTS } from '#stand-ins/aws/resource-facts.ts';
import { ensurePythonEnvironment } from '#stand-ins/build/ensure-python-environment.ts';

import { EXAMPLE_SETTINGS, resourcesOf, synthesize, type Synthesized } from './synthesize.ts';

const run = promisify(execFile);
const FORWARDING = 'infra/ecr-forwarding.yaml';

const CFN_LINT = {
  name: 'cfn-lint',
  purpose: 'to check CloudFormation templates',
  requirementsFile: join(import.meta.dirname, 'cfn-lint', 'requirements.txt'),
};

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
  const { bin } = await ensurePythonEnvironment(CFN_LINT);
  const templateFile = find();

  const ignore = ignored.length === 0 ? [] : ['--ignore-checks', ...ignored];
  const lint = run(join(bin, 'cfn-lint'), ['--regions', 'eu-west-1', ...ignore, '--', templateFile]);

  await expect(lint.then(({ stdout }) => stdout)).resolves.toBe('');
});

test(
  'resources are made anew for the changes that the schemas of CloudFormation say',
  { timeout: 300_000 },
  async () => {
    const { bin } = await ensurePythonEnvironment(CFN_LINT);
    const find = "import cfnlint, pathlib; print(pathlib.Path(cfnlint.__file__).parent / 'data' / 'schemas')";
    const schemas = (await run(join(bin, 'python'), ['-c', find])).stdout.trim();
    const readJson = async (...path: readonly string[]): Promise<unknown> =>
      JSON.parse(await readFile(join(schemas, ...path), 'utf8'));
    const files = z.record(z.string(), z.string()).parse(await readJson('providers', 'eu-west-1.json'));
    const Properties = z.array(z.string()).default([]);
    const Schema = z.looseObject({ createOnlyProperties: Properties, conditionalCreateOnlyProperties: Properties });

    const said = await Promise.all(
      Object.keys(RESOURCE_FACTS).map(async (type) => {
        const schema = Schema.parse(await readJson('resources', `${files[type] ?? type}.json`));
        const paths = [...schema.createOnlyProperties, ...schema.conditionalCreateOnlyProperties];
        return [type, [...new Set(paths.map((path) => path.split('/')[2] ?? ''))].toSorted()];
      }),
    );

    const known = Object.entries(RESOURCE_FACTS).map(([type, { replacedBy }]) => [type, replacedBy.toSorted()]);
    expect(Object.fromEntries(known)).toEqual(Object.fromEntries(said));
  },
);

test('what is forwarded is what the rules of the stack wait for, before they look at account, region and name', async () => {
  const Rule = z.object({ EventPattern: z.looseObject({ detail: z.record(z.string(), z.unknown()) }) });
  const [rule] = resourcesOf(synthesized.template, 'AWS::Events::Rule');
  const { account: _account, region: _region, ...awaited } = Rule.parse(rule?.[1].Properties).EventPattern;
  const { 'repository-name': _names, ...detail } = awaited.detail;

  const tags = ['!Ref', '!GetAtt'].map((tag) => ({ tag, resolve: (text: string) => text }));
  const forwarding: unknown = parse(await readFile(FORWARDING, 'utf8'), { customTags: tags });

  expect(forwarding).toMatchObject({ Resources: { Pushes: { Properties: { EventPattern: { ...awaited, detail } } } } });
});
