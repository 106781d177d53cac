import { execFile, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { cacheFolder } from './build-go-module.ts';
import { withBuildLock } from './with-build-lock.ts';

const run = promisify(execFile);

const OLDEST_PYTHON = { major: 3, minor: 10 };
const howToInstallPython = `install Python ${OLDEST_PYTHON.major}.${OLDEST_PYTHON.minor} or newer and put python3 on PATH`;

/** What goes into a virtual environment, and who is told about it. */
export interface PythonEnvironmentOptions {
  /** `moto`: names the folder. */
  readonly name: string;
  /** What it is needed for: `to play AWS on this machine`. */
  readonly purpose: string;
  /** Every package exact and hashed. */
  readonly requirementsFile: string;
  readonly progress?: (line: string) => void;
  /** The environment that names the cache folder and the Python to use; the process' own unless given. */
  readonly env?: NodeJS.ProcessEnv;
}

/** A virtual environment that is ready. */
export interface PythonEnvironment {
  /** Its folder of programs: `python` and what the packages bring. */
  readonly bin: string;
}

interface PythonInstallation {
  /** `3.11.7`. */
  readonly version: string;
  readonly executable: string;
  readonly hasEnsurepip: boolean;
}

const describePython = [
  'import importlib.util, sys',
  'print("%d.%d.%d" % sys.version_info[:3])',
  'print(sys.executable)',
  'print(importlib.util.find_spec("ensurepip") is not None)',
].join('\n');

async function findPython(env: NodeJS.ProcessEnv, purpose: string): Promise<PythonInstallation> {
  let answer: string;
  try {
    answer = (await run('python3', ['-c', describePython], { env, timeout: 30_000 })).stdout;
  } catch (cause) {
    throw new Error(`python3 is needed ${purpose} and was not found: ${howToInstallPython}`, {
      cause,
    });
  }
  const [version = '', executable = '', ensurepip = ''] = answer.trim().split('\n');
  const [, major, minor] = /^(\d+)\.(\d+)\./.exec(version) ?? [];
  const isNewEnough =
    Number(major) > OLDEST_PYTHON.major ||
    (Number(major) === OLDEST_PYTHON.major && Number(minor) >= OLDEST_PYTHON.minor);
  if (!isNewEnough) {
    throw new Error(`python3 is version ${version || 'unknown'}, too old ${purpose}: ${howToInstallPython}`);
  }
  return { version, executable, hasEnsurepip: ensurepip === 'True' };
}

async function runQuietly(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  what: string,
): Promise<void> {
  const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  const keep = (chunk: Buffer) => {
    said = (said + chunk.toString('utf8')).slice(-4_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  if (code !== 0) throw new Error(`${what} failed with exit code ${code}:\n${said.trim()}`);
}

async function isReady(folder: string): Promise<boolean> {
  try {
    // A link to the Python it was made with: broken once that Python is removed.
    await access(join(folder, 'bin', 'python'), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

async function removeLeftovers(folder: string): Promise<void> {
  const parent = dirname(folder);
  for (const name of await readdir(parent)) {
    if (!name.startsWith(`${basename(folder)}.`) || name.startsWith(`${basename(folder)}.lock`)) continue;
    // A pip whose parent was killed may still be writing there; the next run removes the rest.
    await rm(join(parent, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function makeEnvironment(
  python: PythonInstallation,
  folder: string,
  { name, requirementsFile, purpose, env, progress }: Required<PythonEnvironmentOptions>,
): Promise<void> {
  if (!python.hasEnsurepip) {
    const [major, minor] = python.version.split('.');
    throw new Error(
      `python3 ${python.version} cannot make virtual environments (it lacks ensurepip): ` +
        `install the package python${major}.${minor}-venv, or python3-venv`,
    );
  }
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  progress(`installing ${name} ${purpose}: happens once, about 15 seconds`);
  const ticking = setInterval(() => progress(`installing ${name}: ${seconds()} s so far`), 10_000);
  try {
    await removeLeftovers(folder);
    // A virtual environment cannot be moved, so it stays where it is made and a link to it is put in place last.
    const made = `${folder}.${randomUUID()}`;
    await runQuietly(python.executable, ['-m', 'venv', made], env, 'python3 -m venv');
    const install = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-input', '--no-deps'];
    const exactly = ['--only-binary', ':all:', '--require-hashes', '-r', requirementsFile];
    await runQuietly(join(made, 'bin', 'python'), [...install, ...exactly], env, `pip install of ${name}`);
    await symlink(basename(made), `${made}.link`);
    await rename(`${made}.link`, folder);
  } finally {
    clearInterval(ticking);
  }
  progress(`installed ${name} in ${seconds()} s`);
}

/** Makes a virtual environment below the cache folder, or finds the one that an earlier run has made. */
export async function ensurePythonEnvironment(options: PythonEnvironmentOptions): Promise<PythonEnvironment> {
  const { name, purpose, requirementsFile, progress = () => {}, env = process.env } = options;
  const python = await findPython(env, purpose);
  const hash = createHash('sha256')
    .update(`${python.version}\n${python.executable}\n`)
    .update(await readFile(requirementsFile))
    .digest('hex')
    .slice(0, 16);
  const parent = cacheFolder(env);
  const folder = join(parent, `${name}-${hash}`);
  if (!(await isReady(folder))) {
    await mkdir(parent, { recursive: true });
    await withBuildLock({ path: `${folder}.lock`, waitingFor: `the installation of ${name}`, progress }, async () => {
      if (!(await isReady(folder))) await makeEnvironment(python, folder, { ...options, progress, env });
    });
  }
  return { bin: join(folder, 'bin') };
}
