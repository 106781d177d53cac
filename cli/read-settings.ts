import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

import type { Problem } from '#shared/common/problem.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** Settings as they were read, with the text they stand in. */
export type ReadSettings =
  | { readonly outcome: 'valid'; readonly settings: Settings; readonly text: string }
  | { readonly outcome: 'invalid'; readonly problems: readonly Problem[] };

/** The text of the settings, or why it cannot be had. */
export type SettingsFileText = { readonly text: string } | { readonly fault: string };

/** More than any settings have: what never ends, such as a device, is read no further. */
const MAX_BYTES = 4 * 1024 * 1024;

/** Reads the text of the settings as it stands in their file. */
export async function readSettingsText(file: string): Promise<SettingsFileText> {
  try {
    const handle = await open(file, 'r');
    try {
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of handle.createReadStream({ autoClose: false, end: MAX_BYTES })) {
        const bytes = Buffer.from(chunk as Uint8Array);
        chunks.push(bytes);
        size += bytes.length;
      }
      return size > MAX_BYTES ? explain('it is larger than 4 MiB') : { text: Buffer.concat(chunks).toString('utf8') };
    } finally {
      await handle.close();
    }
  } catch (error) {
    return explain(describeFault(error));
  }
}

/** Reads the settings; the folders in them are relative to their file. */
export async function readSettings(file: string): Promise<ReadSettings> {
  const read = await readSettingsText(file);
  if ('fault' in read) return { outcome: 'invalid', problems: [{ file, field: '', message: read.fault }] };
  const parsed = parseSettings(read.text, file);
  if (parsed.outcome === 'invalid') return parsed;
  return { outcome: 'valid', settings: resolveFolders(parsed.settings, file), text: read.text };
}

/** The settings with every folder absolute, as seen from their file. */
export function resolveFolders(settings: Settings, file: string): Settings {
  const folder = dirname(resolve(file));
  const { serve, clusters } = settings;
  return {
    ...settings,
    clusters: clusters.map((cluster) => {
      const { target } = cluster;
      if (target.kind !== 'kubeconfig' || target.file === undefined) return cluster;
      return { ...cluster, target: { ...target, file: resolve(folder, target.file) } };
    }),
    serve: {
      ...serve,
      stateFolder: resolve(folder, serve.stateFolder),
      secretsFolder: resolve(folder, serve.secretsFolder),
    },
  };
}

function explain(reason: string): { readonly fault: string } {
  return { fault: `${reason}; name the settings with --config FILE` };
}

function describeFault(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a folder, not a file';
    case 'EACCES':
      return 'this user may not read it';
    default:
      return `it cannot be read (${typeof code === 'string' ? code : 'no reason is known'})`;
  }
}
