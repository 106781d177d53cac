import { spawn } from 'node:child_process';
import { z } from 'zod';
import { ensureOracles } from './ensure-oracles.ts';

/** The Go libraries that can be asked; each is a file beside this one, which says what it takes and gives. */
export type OracleName = 'yaml' | 'scalar' | 'semver' | 'kstatus' | 'envsubst' | 'kustomize';

const Answer = z.union([
  z.strictObject({ error: z.string() }),
  z.strictObject({ output: z.unknown().transform((output) => output ?? null) }),
]);

/** What a library made of one input, or why it refused it. */
export type OracleAnswer = z.infer<typeof Answer>;

/** Has a Go library judge many inputs, in one process for all of them; an answer for each, in their order. */
export async function askOracle(oracle: OracleName, inputs: readonly unknown[]): Promise<readonly OracleAnswer[]> {
  return (await askOracleForText(oracle, inputs)).map((line) => Answer.parse(JSON.parse(line)));
}

/** The same, each answer as the text of its JSON, for whom a number is more than JavaScript's. */
export async function askOracleForText(oracle: OracleName, inputs: readonly unknown[]): Promise<readonly string[]> {
  const child = spawn(await ensureOracles(), [], { stdio: 'pipe', env: {} });
  const said = Promise.all([readAll(child.stdout), readAll(child.stderr)]);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(inputs.map((input) => `${JSON.stringify({ oracle, input })}\n`).join(''));
  const [code, [answers, complaints]] = await Promise.all([ended, said]);
  if (code !== 0) throw new Error(`oracles ended with exit code ${code}: ${complaints.trim()}`);
  const lines = answers.split('\n').filter((line) => line !== '');
  if (lines.length !== inputs.length) {
    throw new Error(`oracle ${oracle} gave ${lines.length} answers to ${inputs.length} questions`);
  }
  return lines;
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
