import { spawn } from 'node:child_process';

/** What one git process answered. */
export type GitOutput = { readonly code: number; readonly stdout: Buffer; readonly stderr: string };

/** What a git process may be given besides its arguments. */
export type GitInput = { readonly input?: Buffer | string; readonly env?: Readonly<Record<string, string>> };

/** The environment of every git process: nothing of the user's own configuration reaches the bare repositories. */
export function gitEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    ...extra,
  };
}

/** Runs git in one bare repository and answers its exit code and output, whatever they are. */
export function tryGit(directory: string, args: readonly string[], given: GitInput = {}): Promise<GitOutput> {
  return new Promise((resolve, reject) => {
    const child = spawn('git', ['--git-dir', directory, ...args], { env: gitEnvironment(given.env) });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code: code ?? -1, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString() });
    });
    // git may exit before it has read its input; the exit code tells the story then.
    child.stdin.on('error', () => undefined);
    child.stdin.end(given.input ?? '');
  });
}

/** Runs git in one bare repository and answers its output; an exit code other than 0 is an error. */
export async function runGit(directory: string, args: readonly string[], given: GitInput = {}): Promise<Buffer> {
  const output = await tryGit(directory, args, given);
  if (output.code !== 0) {
    throw new Error(`git ${args.join(' ')} in ${directory} ended with ${output.code}: ${output.stderr.trim()}`);
  }
  return output.stdout;
}

/** The output of git as lines, without the empty last one. */
export async function gitLines(directory: string, args: readonly string[], given: GitInput = {}): Promise<string[]> {
  const text = (await runGit(directory, args, given)).toString();
  return text === '' ? [] : text.replace(/\n$/, '').split('\n');
}
