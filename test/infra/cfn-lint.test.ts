import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { ensurePythonEnvironment } from '#local/ensure-python-environment.ts';
import { synthesize } from './synthesize.ts';

const run = promisify(execFile);

/** Findings that are the CDK's own doing and harmless; each with its reason. */
const IGNORED: Readonly<Record<string, string>> = {
  W3005: 'the CDK writes a DependsOn also where a reference has the same effect',
};

test('cfn-lint finds nothing in the template', { timeout: 300_000 }, async () => {
  const { bin } = await ensurePythonEnvironment({
    name: 'cfn-lint',
    purpose: 'to check CloudFormation templates',
    requirementsFile: join(import.meta.dirname, 'cfn-lint', 'requirements.txt'),
  });
  const { templateFile } = await synthesize();

  const ignored = ['--ignore-checks', ...Object.keys(IGNORED)];
  const lint = run(join(bin, 'cfn-lint'), ['--regions', 'eu-west-1', ...ignored, '--', templateFile]);

  await expect(lint.then(({ stdout }) => stdout)).resolves.toBe('');
});
