import { spawn } from 'node:child_process';

/** A program that answers each line of its input with a line of its own. */
export interface GoProgram {
  /** What it is called in a failure. */
  readonly name: string;
  readonly path: string;
  readonly flags?: readonly string[];
}

/** Asks a program all questions in one process, each as a line of JSON, and gives its answers as they are written. */
export async function askGoProgram(program: GoProgram, questions: readonly unknown[]): Promise<readonly string[]> {
  const { name, path, flags = [] } = program;
  const child = spawn(path, [...flags], { stdio: 'pipe', env: {} });
  const said = Promise.all([readAll(child.stdout), readAll(child.stderr)]);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  child.stdin.on('error', () => {});
  child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
  const [code, [answers, complaints]] = await Promise.all([ended, said]);
  if (code !== 0) throw new Error(`${name} ended with exit code ${code}: ${complaints.trim()}`);
  return answers.split('\n').filter((line) => line !== '');
}

async function readAll(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}
