import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '../../cli/tidegate.ts');

/** A `tidegate` command that runs in a process of its own. */
export interface StartedCommand {
  readonly pid: number;
  readonly output: () => string;
  readonly errors: () => string;
  readonly kill: (signal: NodeJS.Signals) => void;
  /** The exit code, when both streams have ended. */
  readonly exit: Promise<number | null>;
}

/** Starts `tidegate` with these arguments; of AWS it knows what `env` says and nothing of this machine. */
export function startCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): StartedCommand {
  const foreign = {
    AWS_CONFIG_FILE: '/nowhere',
    AWS_SHARED_CREDENTIALS_FILE: '/nowhere',
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AWS_'));
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...Object.fromEntries(inherited), ...foreign, ...env },
  });
  let [output, errors] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const exit = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : null));
  return {
    pid: child.pid ?? 0,
    output: () => output,
    errors: () => errors,
    kill: (signal) => child.kill(signal),
    exit,
  };
}

/** How a command ended, with what it complained of. */
export async function outcomeOf(command: StartedCommand): Promise<{ exitCode: number | null; errors: string }> {
  const exitCode = await command.exit;
  return { exitCode, errors: command.errors() };
}
