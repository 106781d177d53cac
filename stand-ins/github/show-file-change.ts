import type { Core } from './core.ts';
import { apiUrl } from './core.ts';
import type { FileChange } from './file-change.ts';
import type { Repository } from './state.ts';

/** One changed file of a pull request or comparison. */
export function showFileChange(core: Core, repository: Repository, commit: string, file: FileChange): unknown {
  const html = `${core.url}/${repository.owner}/${repository.name}`;
  const path = file.path.split('/').map(encodeURIComponent).join('/');
  return {
    sha: file.sha,
    filename: file.path,
    status: file.status,
    additions: file.additions,
    deletions: file.deletions,
    changes: file.additions + file.deletions,
    blob_url: `${html}/blob/${commit}/${path}`,
    raw_url: `${html}/raw/${commit}/${path}`,
    contents_url: `${apiUrl(core)}/repos/${repository.owner}/${repository.name}/contents/${path}?ref=${commit}`,
    ...(file.patch === null ? {} : { patch: file.patch }),
    ...(file.previousPath === null ? {} : { previous_filename: file.previousPath }),
  };
}
