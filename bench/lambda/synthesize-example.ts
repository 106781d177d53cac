import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const root = join(import.meta.dirname, '..', '..');

/** A stack as `cdk synth` wrote it. */
export interface Assembly {
  readonly folder: string;
  readonly stackName: string;
  readonly template: unknown;
}

/** Runs `cdk synth` on the example, as a person would before `cdk deploy`. */
export async function synthesizeExample(folder: string): Promise<Assembly> {
  const settings = 'settings=examples/aws/tidegate.yaml';
  await run('cdk', ['synth', '--quiet', '--context', settings, '--output', folder], { cwd: root });
  const stackName = 'tidegate-eu-west-1';
  const text = await readFile(join(folder, `${stackName}.template.json`), 'utf8');
  return { folder, stackName, template: JSON.parse(text) };
}
