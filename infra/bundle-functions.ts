import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { build as bundle } from 'esbuild';
import type { Plugin } from 'esbuild';

/** The five functions; each is one bundle. */
export const FUNCTION_NAMES = ['github-webhook', 'source-sync', 'image-update', 'reconcile', 'notify'] as const;
export type FunctionName = (typeof FUNCTION_NAMES)[number];

/** What Lambda is given of a function. */
export interface Bundle {
  readonly name: FunctionName;
  readonly folder: string;
  /** Of the code alone, without its source map. */
  readonly bytes: number;
  readonly sha256: string;
}

const root = join(import.meta.dirname, '..');
export const BUNDLES_FOLDER: string = join(root, 'dist', 'functions');

/**
 * Bundles every function for Lambda's Node 24. Nothing of this machine gets in, so two builds of a commit are the same
 * bytes: paths are relative to the repository, and there is no time and no random name.
 */
export async function bundleFunctions(folder: string = BUNDLES_FOLDER): Promise<readonly Bundle[]> {
  return Promise.all(FUNCTION_NAMES.map((name) => bundleFunction(name, join(folder, name))));
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

async function bundleFunction(name: FunctionName, folder: string): Promise<Bundle> {
  const result = await bundle({
    absWorkingDir: root,
    entryPoints: { index: join('functions', name, 'index.ts') },
    outdir: folder,
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
    plugins: [importZodAsNamespace],
    metafile: true,
    write: false,
    logLevel: 'error',
  });
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const file of result.outputFiles) await writeFile(file.path, file.contents);
  const code = await readFile(join(folder, 'index.mjs'));
  return { name, folder, bytes: code.byteLength, sha256: createHash('sha256').update(code).digest('hex') };
}

if (import.meta.main) {
  for (const { name, bytes, sha256 } of await bundleFunctions()) {
    process.stdout.write(`${name.padEnd(16)} ${String(bytes).padStart(9)} bytes  sha256:${sha256}\n`);
  }
}
