import type { RepositoryId } from './change-host.ts';

export interface CommitStatus {
  /** `tidegate/<cluster>/<kustomization namespace>/<name>`. */
  readonly context: string;
  readonly state: 'pending' | 'success' | 'failure' | 'error';
  /** At most 140 characters. */
  readonly description: string;
  /** Where the rest can be read; `https://` or `http://`. */
  readonly targetUrl?: string;
}

/** The marks that people see beside a commit. */
export interface CommitStatuses {
  /** Setting the status that is there already writes nothing. */
  set(repository: RepositoryId, commit: string, status: CommitStatus): Promise<void>;
}
