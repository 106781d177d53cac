import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { makeFolder } from '#shared/adapters/folder/make-folder.ts';
import { defined } from '#shared/common/defined.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { TidegateError } from '#shared/common/tidegate-error.ts';
import type { Renderer } from '#shared/ports/renderer.ts';

/** How kubectl is run. */
export interface KubectlRendererOptions {
  /** Path of the binary. Its name must be `kubectl` where it is a multi-call binary. */
  readonly kubectl: string;
  readonly maxOutputBytes?: number;
  /** Builds at the same time; each is one process and about a CPU. */
  readonly concurrency?: number;
  /**
   * Where the temporary folders go, this process' own: what lies there was left by one that was killed, and goes. Where it
   * is not named they go to the system's folder, whose other files are not touched.
   */
  readonly folder?: string;
}

/** A renderer with the version that belongs in every cache key. */
export interface KubectlRenderer extends Renderer {
  readonly version: string;
}

const OLDEST_KUSTOMIZE = 5;
const MAX_ERROR_BYTES = 64 * 1024;
const VERSION_TIMEOUT_MS = 20_000;

/**
 * Renders with the `kustomize` inside kubectl. Each build runs in a folder of its own that holds the given files only, with
 * an environment that names nothing: no home, no kubeconfig, no program to start, and a proxy nobody listens on.
 *
 * Files above the folder may be read (`../base/patch.yaml`), as in Flux. What keeps a build inside is that references were
 * refused before (`collectBuildInput`), that only regular files are written, and that nothing else lies in the folder.
 *
 * @throws TidegateError `RendererUnavailable` when there is no kubectl, or one with a kustomize older than 5.
 */
export async function createKubectlRenderer(options: KubectlRendererOptions): Promise<KubectlRenderer> {
  if (options.folder !== undefined) {
    await rm(options.folder, { recursive: true, force: true });
    makeFolder(options.folder, 0o700);
  }
  const version = await readVersion(options);
  const limit = createLimit(options.concurrency ?? 4);
  return {
    version,
    build: (request) => limit(() => build(options, request)),
  };
}

async function readVersion(options: KubectlRendererOptions): Promise<string> {
  const home = await mkdtemp(join(options.folder ?? tmpdir(), 'tidegate-kubectl-'));
  try {
    const ran = await run(options, ['version', '--client', '-o', 'json'], {
      home,
      cwd: home,
      timeoutMs: VERSION_TIMEOUT_MS,
    });
    const kustomize = ran.end === 'exit' && ran.code === 0 ? kustomizeVersion(ran.stdout) : undefined;
    const major = Number(/^v?([0-9]+)\./.exec(kustomize ?? '')?.[1] ?? Number.NaN);
    if (kustomize === undefined || !(major >= OLDEST_KUSTOMIZE)) {
      const got = kustomize === undefined ? 'says no version of kustomize' : `has kustomize ${kustomize}`;
      throw unavailable(
        options,
        `${got}; version ${OLDEST_KUSTOMIZE} or newer is needed, install kubectl 1.27 or newer`,
      );
    }
    return `kustomize ${kustomize}`;
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function kustomizeVersion(output: string): string | undefined {
  try {
    const value: unknown = JSON.parse(output);
    return typeof value === 'object' &&
      value !== null &&
      'kustomizeVersion' in value &&
      typeof value.kustomizeVersion === 'string'
      ? value.kustomizeVersion
      : undefined;
  } catch {
    return undefined;
  }
}

async function build(options: KubectlRendererOptions, request: Parameters<Renderer['build']>[0]): Promise<string> {
  const base = await mkdtemp(join(options.folder ?? tmpdir(), 'tidegate-build-'));
  try {
    const root = join(base, 'source');
    const home = join(base, 'home');
    await mkdir(home);
    await writeTree(root, request.files);
    const ran = await run(options, ['kustomize', '--load-restrictor', 'LoadRestrictionsNone', `./${request.path}`], {
      home,
      cwd: root,
      timeoutMs: request.timeoutMs,
    });
    switch (ran.end) {
      case 'exit':
        break;
      case 'timeout':
        throw buildFailed(
          `did not finish in ${request.timeoutMs / 1_000} s; split the kustomization or raise its timeout`,
        );
      case 'output':
        throw buildFailed(`wrote more than ${maxOutput(options)} bytes; split the kustomization`);
    }
    if (ran.code !== 0) throw buildFailed(explain(ran.stderr, root));
    return ran.stdout;
  } finally {
    await rm(base, { recursive: true, force: true });
  }
}

async function writeTree(root: string, files: SourceTree): Promise<void> {
  await mkdir(root);
  const folders = new Set<string>();
  for (const [path, file] of files) {
    if (
      path === '' ||
      path.includes('\0') ||
      path.split('/').some((part) => part === '' || part === '.' || part === '..')
    ) {
      throw buildFailed(
        `cannot write the file ${JSON.stringify(path)}; its path is not relative to the root of the source`,
      );
    }
    const target = join(root, path);
    const folder = dirname(target);
    if (!folders.has(folder)) {
      await mkdir(folder, { recursive: true });
      folders.add(folder);
    }
    await writeFile(target, file.bytes, { flag: 'wx' });
  }
}

interface Ran {
  readonly end: 'exit' | 'timeout' | 'output';
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(
  options: KubectlRendererOptions,
  args: readonly string[],
  where: { readonly home: string; readonly cwd: string; readonly timeoutMs: number },
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    // Detached: a group of its own, so that whatever it started is killed with it.
    const child = spawn(options.kubectl, args, {
      cwd: where.cwd,
      env: emptyEnvironment(where.home),
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let outBytes = 0;
    let errBytes = 0;
    let end: Ran['end'] = 'exit';
    const stop = (reason: Ran['end']): void => {
      end = reason;
      killGroup(child.pid);
    };
    const timer = setTimeout(() => stop('timeout'), where.timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => {
      outBytes += chunk.length;
      if (outBytes > maxOutput(options)) {
        stop('output');
      } else {
        out.push(chunk);
      }
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errBytes += chunk.length;
      if (errBytes <= MAX_ERROR_BYTES) {
        err.push(chunk);
      }
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(unavailable(options, `cannot be started (${error.message}); install kubectl or set its path`, error));
    });
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({
        end,
        code,
        stdout: Buffer.concat(out).toString('utf8'),
        stderr: Buffer.concat(err).toString('utf8'),
      });
    });
  });
}

function emptyEnvironment(home: string): NodeJS.ProcessEnv {
  const nobody = 'http://127.0.0.1:9';
  return {
    HOME: home,
    TMPDIR: home,
    PATH: home,
    HTTP_PROXY: nobody,
    HTTPS_PROXY: nobody,
    ALL_PROXY: nobody,
    // One build is one thread's work; a garbage collector on every CPU would slow the builds beside it.
    GOMAXPROCS: '2',
  };
}

function killGroup(pid: number | undefined): void {
  if (pid !== undefined) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended by itself in the meantime.
    }
  }
}

/** Where kustomize tells what it read, which may be a secret: a whole object, a patch, the configuration of a generator. */
const QUOTED_CONTENT: readonly RegExp[] = [
  // Its end may be missing where much was told.
  /(map\[string\]interface \{\})\{.*/gsu,
  /(\[patch: )"(?:[^"\\]|\\.)*"/gsu,
  /(with config: )`.*?`/gsu,
  /(must specify one of patch and path in |patch and path can't be set at the same time |decoding |literal sources ).*/gsu,
];

/** kustomize's own words, without the folder of this machine and without control characters. */
function explain(stderr: string, root: string): string {
  const told = stderr
    .replaceAll(`${root}/`, '')
    .replaceAll(root, '.')
    .replaceAll(/(?!\n)\p{Cc}/gu, ' ')
    .split('\n')
    .filter((line) => !line.startsWith('# Warning:'))
    .map((line) => /"command failed" err=(".*")$/.exec(line)?.[1] ?? line.replace(/^error: /, ''))
    .map((line) => (line.startsWith('"') ? unquote(line) : line))
    .join(' ')
    .trim();
  const words = QUOTED_CONTENT.reduce((text, pattern) => text.replaceAll(pattern, '$1…'), told);
  return `kustomize: ${words === '' ? 'failed without a word' : words.slice(0, 4_000)}`;
}

function unquote(line: string): string {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'string' ? value : line;
  } catch {
    return line;
  }
}

function maxOutput(options: KubectlRendererOptions): number {
  return options.maxOutputBytes ?? 32 * 1024 * 1024;
}

function buildFailed(message: string): TidegateError {
  return new TidegateError('BuildFailed', message.startsWith('kustomize') ? message : `kustomize ${message}`, {
    disposition: 'stall',
  });
}

function unavailable(options: KubectlRendererOptions, message: string, cause?: unknown): TidegateError {
  return new TidegateError('RendererUnavailable', `kubectl at ${options.kubectl} ${message}`, {
    disposition: 'retry',
    ...defined({ cause }),
  });
}

type Limit = <T>(work: () => Promise<T>) => Promise<T>;

function createLimit(most: number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async (work) => {
    if (running >= most) {
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else {
      running += 1;
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) {
        running -= 1;
      } else {
        // The place is handed on, so that nobody else takes it in between.
        next();
      }
    }
  };
}
