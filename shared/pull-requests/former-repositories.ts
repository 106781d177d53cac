import type { Journal } from '#shared/ports/journal.ts';
import {
  PROPOSAL_REPOSITORIES_PREFIX,
  proposalRepositoryKey,
  type JournalRecord,
} from '#shared/records/journal-record.ts';
import { INSTALLATION_PARTITION } from '#shared/work/installation-partition.ts';

import type { ProposalRepository } from './read-proposals.ts';

/** Where pull requests of ours were opened that no Flux object leads to any more. */
export async function readFormerRepositories(
  journal: Journal,
  named: readonly ProposalRepository[],
): Promise<readonly ProposalRepository[]> {
  const known = new Set(named.map(({ repository }) => proposalRepositoryKey(repository)));
  const records = await journal.list(INSTALLATION_PARTITION, PROPOSAL_REPOSITORIES_PREFIX);
  return records.flatMap((record) => {
    if (record.type !== 'ProposalRepository' || known.has(proposalRepositoryKey(record))) return [];
    const { cluster, owner, name, url } = record;
    return [{ cluster, url, repository: { owner, name } }];
  });
}

/** Keeps in mind that pull requests of ours are in a repository; nothing where this process has done so. */
export function rememberRepository(
  remembered: Set<string>,
  { cluster, repository: { owner, name }, url }: ProposalRepository,
): readonly JournalRecord[] {
  const key = proposalRepositoryKey({ owner, name });
  if (remembered.has(key)) return [];
  remembered.add(key);
  return [{ type: 'ProposalRepository', cluster, owner, name, url }];
}

/** No pull request of ours is open there, and none will be. */
export function forgetRepository(
  remembered: Set<string>,
  { repository }: Pick<ProposalRepository, 'repository'>,
  now: number,
): JournalRecord {
  const key = proposalRepositoryKey(repository);
  remembered.delete(key);
  return { type: 'Tombstone', partition: INSTALLATION_PARTITION, key, at: now };
}
