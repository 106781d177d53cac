import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { ParsedSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** The text of the settings as it stands in their file; undefined when it cannot be read. */
export async function readSettingsText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** Reads the settings; the folders in them are relative to their file. */
export async function readSettings(file: string): Promise<ParsedSettings> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    const reason =
      error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? 'there is no such file'
        : 'it cannot be read';
    return {
      outcome: 'invalid',
      problems: [{ file, field: '', message: `${reason}; name the settings with --config FILE` }],
    };
  }
  const parsed = parseSettings(text, file);
  return parsed.outcome === 'invalid' ? parsed : { outcome: 'valid', settings: resolveFolders(parsed.settings, file) };
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
