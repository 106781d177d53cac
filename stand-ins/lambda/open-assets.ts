import { execFile } from 'node:child_process';
import { chmod, mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
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

/** What a deployment uploads: the files of a synthesized assembly, found by their keys in the bucket. */
export interface Assets {
  /** A folder as Lambda would unpack it: what the assembly holds as a folder, or an archive unpacked beside. */
  folderOf(key: string): Promise<string>;
}

/** Opens the assets of one stack of a synthesized assembly; archives are unpacked into `folder`. */
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
      if (source.packaging === 'zip') return refuseUnreadable(path);
      const target = unpacked.get(key) ?? unpack(path, join(folder, key.replace(/\.zip$/u, '')));
      unpacked.set(key, target);
      return target;
    },
  };
}

/** Lambda unpacks the modes as they are, and runs as a user who owns nothing of it. */
async function refuseUnreadable(folder: string): Promise<string> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  for (const entry of entries) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await stat(path);
    const needed = entry.isDirectory() ? 0o005 : 0o004;
    if ((mode & needed) !== needed) {
      throw new Error(
        `EACCES: permission denied, open '/var/task/${relative(folder, path)}': its mode is ${(mode & 0o777).toString(8)}`,
      );
    }
  }
  return folder;
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
