import type { OutputFile, Plugin } from 'esbuild';
import { build as bundle } from 'esbuild';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { isBuiltin } from 'node:module';
import { basename, join } from 'node:path';

import { CLUSTER_FILE, formatClusterFile } from '#shared/settings/cluster-file.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';

import { makeReadable } from './asset-modes.ts';
import type { Installation } from './read-installation.ts';

/** The five functions; each is one bundle, and that of `reconcile` is deployed once for each cluster. */
export type FunctionName = 'github-webhook' | 'source-sync' | 'image-update' | 'reconcile' | 'notify';

/** The folder of each function's bundle. */
export interface Bundles extends Readonly<Record<Exclude<FunctionName, 'reconcile'>, string>> {
  /** By the name of the cluster. */
  readonly reconcile: (cluster: string) => string;
}

/** Beside these functions lies `tidegate.yaml`, and beside each `reconcile` what it says of its cluster: an environment has not the room. */
const WITH_SETTINGS: ReadonlySet<FunctionName> = new Set(['source-sync', 'image-update', 'notify']);

const root = join(import.meta.dirname, '..');
export const BUNDLES_FOLDER: string = join(root, 'dist', 'functions');

/**
 * Bundles every function for Lambda's Node 24. Nothing of this machine gets in, so two builds of a commit are the same
 * bytes: paths are relative to the repository, and there is no time and no random name.
 */
export async function bundleFunctions(options: {
  /** What is deployed. */
  readonly installation: Installation;
  readonly folder?: string;
}): Promise<Bundles> {
  const { installation, folder = BUNDLES_FOLDER } = options;
  const { settings, text } = installation;
  const bundleOne = async (name: Exclude<FunctionName, 'reconcile'>): Promise<string> => {
    const target = join(folder, name);
    await writeBundle(target, await bundleFunction(name), WITH_SETTINGS.has(name) ? { 'tidegate.yaml': text } : {});
    return target;
  };
  const reconcile = (cluster: string): string => join(folder, `reconcile-${cluster}`);
  const bundleReconcile = async (): Promise<void> => {
    const files = await bundleFunction('reconcile');
    for (const cluster of eksClusters(settings)) {
      await writeBundle(reconcile(cluster.name), files, { [CLUSTER_FILE]: formatClusterFile(settings, cluster) });
    }
  };
  const [webhook, sourceSync, imageUpdate, notify] = await Promise.all([
    bundleOne('github-webhook'),
    bundleOne('source-sync'),
    bundleOne('image-update'),
    bundleOne('notify'),
    bundleReconcile(),
  ]);
  return { 'github-webhook': webhook, 'source-sync': sourceSync, 'image-update': imageUpdate, reconcile, notify };
}

/**
 * esbuild leaves out what nobody uses of a namespace, but not of an object that a module exports: `import { z }` brings
 * all of zod, `import * as z` the tenth of it. Both mean the same.
 */
const importZodAsNamespace: Plugin = {
  name: 'import-zod-as-namespace',
  setup(build) {
    build.onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const text = await readFile(path, 'utf8');
      return { loader: 'ts', contents: text.replace("import { z } from 'zod';", "import * as z from 'zod';") };
    });
  },
};

/**
 * An import of one of Node's own modules reads everything that it exports, and for node:http that loads the whole of
 * `fetch`: half of a cold start. Asked for like this, only what is used is loaded.
 */
const askForBuiltins: Plugin = {
  name: 'ask-for-builtins',
  setup(build) {
    build.onResolve({ filter: /^[a-z_0-9:/]+$/ }, ({ path, kind }) =>
      isBuiltin(path) && kind !== 'dynamic-import' ? { path, namespace: 'builtin' } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

async function bundleFunction(name: FunctionName): Promise<readonly OutputFile[]> {
  const result = await bundle({
    absWorkingDir: root,
    entryPoints: { index: join('functions', name, 'index.ts') },
    // Not where it is written to: a source map tells its way back from here.
    outdir: join('dist', 'functions', name),
    outExtension: { '.js': '.mjs' },
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // Some libraries in there are CommonJS and ask for `require` and the places it knows.
    banner: {
      js: "import{createRequire as r}from'node:module';import{fileURLToPath as u}from'node:url';const require=r(import.meta.url),__filename=u(import.meta.url),__dirname=u(new URL('.',import.meta.url));",
    },
    mainFields: ['module', 'main'],
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    treeShaking: true,
    plugins: [importZodAsNamespace, askForBuiltins],
    write: false,
    logLevel: 'error',
  });
  return result.outputFiles;
}

/** The code, and beside it what it reads. */
async function writeBundle(
  folder: string,
  files: readonly OutputFile[],
  beside: Readonly<Record<string, string>>,
): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const file of files) await writeFile(join(folder, basename(file.path)), file.contents);
  for (const [name, text] of Object.entries(beside)) await writeFile(join(folder, name), text);
  makeReadable(folder);
}
