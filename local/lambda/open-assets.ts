import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);

const Manifest = z.looseObject({
  files: z.record(
    z.string(),
    z.looseObject({
      source: z.looseObject({ path: z.string(), packaging: z.enum(['zip', 'file']) }),
      destinations: z.record(z.string(), z.looseObject({ objectKey: z.string() })),
    }),
  ),
});

/** What a deployment uploads: the files of a synthesised assembly, found by their keys in the bucket. */
export interface Assets {
  /** A folder as Lambda would unpack it: what the assembly holds as a folder, or an archive unpacked beside. */
  folderOf(key: string): Promise<string>;
}

/** Opens the assets of one stack of a synthesised assembly; archives are unpacked into `folder`. */
export async function openAssets(options: {
  /** `cdk.out`. */
  readonly assembly: string;
  readonly stackName: string;
  readonly folder: string;
}): Promise<Assets> {
  const { assembly, stackName, folder } = options;
  const text = await readFile(join(assembly, `${stackName}.assets.json`), 'utf8');
  const { files } = Manifest.parse(JSON.parse(text));
  const sources = new Map(
    Object.values(files).flatMap(({ source, destinations }) =>
      Object.values(destinations).map(({ objectKey }) => [objectKey, source] as const),
    ),
  );
  const unpacked = new Map<string, Promise<string>>();
  return {
    folderOf: (key) => {
      const source = sources.get(key);
      if (source === undefined) throw new Error(`the assembly ${assembly} has no asset ${key}`);
      const path = join(assembly, source.path);
      if (source.packaging === 'zip') return Promise.resolve(path);
      const target = unpacked.get(key) ?? unpack(path, join(folder, key.replace(/\.zip$/u, '')));
      unpacked.set(key, target);
      return target;
    },
  };
}

/** With Python, which is here for moto anyway; it forgets which files may be executed. */
async function unpack(archive: string, folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await run('python3', ['-m', 'zipfile', '-e', archive, folder]);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await chmod(join(entry.parentPath, entry.name), 0o755);
  }
  return folder;
}
