import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { withBuildLock } from './with-build-lock.ts';

const run = promisify(execFile);

const OLDEST_GO = { major: 1, minor: 26 };

/** A folder with a `go.mod` whose program is built once and kept in the cache folder, by the hash of its sources. */
export interface GoModule {
  /** What the program is called, and a part of its folder's name in the cache. */
  readonly name: string;
  readonly description: string;
  /** Where its sources are; all of them count in the hash. */
  readonly folder: string;
  readonly package: string;
  readonly linkerFlags: string;
  readonly usuallyTakes: string;
  /** Arguments with which the program succeeds when it was built well. */
  readonly verify: readonly string[];
  /** Further names under which the program is started. */
  readonly links?: readonly string[];
}

/** Who is told about builds, and in which environment they run. */
export interface EnsureGoModuleOptions {
  readonly progress?: (line: string) => void;
  /** The environment that names the cache folder and the Go to use; the process' own unless given. */
  readonly env?: NodeJS.ProcessEnv;
}

interface GoToolchain {
  readonly version: string;
  readonly platform: string;
}

/** The folder that keeps what is built once on this machine. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env['TIDEGATE_CACHE'] || env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tidegate');
}

function goEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  // The caller's flags and workspace would change what is built; a toolchain fetched on the side would change who builds it.
  return { ...env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off', GOTOOLCHAIN: 'local' };
}

const howToInstallGo = `install Go ${OLDEST_GO.major}.${OLDEST_GO.minor} or newer from https://go.dev/dl/ and put it on PATH`;

async function findGo(env: NodeJS.ProcessEnv): Promise<GoToolchain> {
  let answer: string;
  try {
    answer = (await run('go', ['env', 'GOVERSION', 'GOOS', 'GOARCH'], { env: goEnvironment(env) })).stdout;
  } catch (cause) {
    throw new Error(`go is needed to build the stand-ins and was not found: ${howToInstallGo}`, { cause });
  }
  const [version = '', os = '', arch = ''] = answer.trim().split(/\s+/);
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const isNewEnough =
    Number(major) > OLDEST_GO.major || (Number(major) === OLDEST_GO.major && Number(minor) >= OLDEST_GO.minor);
  // A toolchain built from source calls itself "devel …": there is nothing to compare, so it is given a try.
  if (!isNewEnough && !version.startsWith('devel')) {
    throw new Error(
      `go is version ${version.replace(/^go/, '') || 'unknown'}, too old to build the stand-ins: ${howToInstallGo}`,
    );
  }
  return { version, platform: `${os}-${arch}` };
}

async function contentHash(module: GoModule, go: GoToolchain): Promise<string> {
  const hash = createHash('sha256').update(`${go.version}\n${go.platform}\n${module.linkerFlags}\n`);
  const sources = (await readdir(module.folder)).filter((name) => /^go\.(mod|sum)$|\.go$/.test(name)).sort();
  for (const source of sources) {
    hash.update(`${source}\n`).update(await readFile(join(module.folder, source)));
  }
  return hash.digest('hex').slice(0, 16);
}

async function works(binary: string, module: GoModule): Promise<boolean> {
  try {
    await run(binary, [...module.verify], { timeout: 60_000 });
    return true;
  } catch {
    return false;
  }
}

async function compile(module: GoModule, output: string, env: NodeJS.ProcessEnv): Promise<void> {
  const flags = ['-trimpath', '-buildvcs=false', `-ldflags=${module.linkerFlags}`, '-o', output];
  const build = spawn('go', ['build', ...flags, module.package], {
    cwd: module.folder,
    env: goEnvironment(env),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const endWithUs = () => void build.kill();
  process.once('exit', endWithUs);
  let complaints = '';
  build.stderr.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString('utf8')).slice(-4_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    build.once('error', reject).once('close', resolve);
  }).finally(() => process.off('exit', endWithUs));
  if (code !== 0) {
    throw new Error(`go build of ${module.description} failed with exit code ${code}:\n${complaints.trim()}`);
  }
}

async function build(
  module: GoModule,
  folder: string,
  env: NodeJS.ProcessEnv,
  progress: (line: string) => void,
): Promise<void> {
  const started = Date.now();
  const seconds = () => Math.round((Date.now() - started) / 1000);
  progress(`building ${module.description}: happens once, ${module.usuallyTakes}`);
  const ticking = setInterval(() => progress(`building ${module.description}: ${seconds()} s so far`), 10_000);
  const unfinished = `${folder}.unfinished-${process.pid}`;
  try {
    // Those of builds that were killed: the lock is ours, so none of them is still being written.
    for (const leftover of await readdir(dirname(folder))) {
      const isOurs = leftover.startsWith(`${basename(folder)}.unfinished-`);
      if (isOurs) await rm(join(dirname(folder), leftover), { recursive: true, force: true });
    }
    await mkdir(unfinished, { recursive: true });
    const binary = join(unfinished, module.name);
    await compile(module, binary, env);
    for (const link of module.links ?? []) await symlink(module.name, join(unfinished, link));
    if (!(await works(binary, module))) {
      throw new Error(`${module.description} was built, but "${module.name} ${module.verify.join(' ')}" fails`);
    }
    // What lies under the final name is complete, because a rename happens wholly or not at all.
    await rm(folder, { recursive: true, force: true });
    await rename(unfinished, folder);
  } finally {
    clearInterval(ticking);
    await rm(unfinished, { recursive: true, force: true });
  }
  progress(`built ${module.description} in ${seconds()} s`);
}

/** Builds the program, or finds the one that an earlier run has built; the answer is its path. */
export async function ensureGoModule(module: GoModule, options: EnsureGoModuleOptions = {}): Promise<string> {
  const { progress = () => {}, env = process.env } = options;
  const go = await findGo(env);
  const parent = join(cacheFolder(env), 'cluster');
  const folder = join(parent, `${module.name}-${await contentHash(module, go)}`);
  const binary = join(folder, module.name);
  if (await works(binary, module)) return binary;
  await mkdir(parent, { recursive: true });
  await withBuildLock(
    { path: `${folder}.lock`, waitingFor: `the build of ${module.description}`, progress },
    async () => {
      if (!(await works(binary, module))) await build(module, folder, env, progress);
    },
  );
  return binary;
}
