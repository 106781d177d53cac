import { z } from 'zod';

import { askGoProgram } from '#stand-ins/build/ask-go-program.ts';

import { ensureOracles } from './ensure-oracles.ts';

/** The Go libraries that can be asked; each is a file beside this one, which says what it takes and gives. */
export type OracleName = 'yaml' | 'scalar' | 'semver' | 'kstatus' | 'envsubst' | 'kustomize' | 'build' | 'tags';

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
  const questions = inputs.map((input) => ({ oracle, input }));
  const lines = await askGoProgram({ name: 'oracles', path: await ensureOracles() }, questions);
  if (lines.length !== inputs.length) {
    throw new Error(`oracle ${oracle} gave ${lines.length} answers to ${inputs.length} questions`);
  }
  return lines;
}
