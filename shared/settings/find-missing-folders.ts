import type { Finding } from './settings-places.ts';
import type { Settings } from './settings.ts';

/**
 * Finds clusters whose folder is missing from the configuration repository, where that is what the settings lie in.
 * @param has whether there is something at a path, as seen from the settings.
 */
export function findMissingFolders(
  { clusters }: Pick<Settings, 'clusters'>,
  has: (path: string) => boolean,
): readonly Finding[] {
  return clusters.flatMap(({ path }, index) => {
    const parent = path.replace(/^\.\//u, '').replace(/\/*[^/]+\/*$/u, '');
    // Settings that lie elsewhere know nothing of the repository: none of its folders is beside them.
    if (parent === '' || !has(parent) || has(path)) return [];
    const message = `found "${path}", which is not in the repository beside; allowed: a folder that is there`;
    return [{ path: ['clusters', index, 'path'], message }];
  });
}
