import type { Core } from './core.ts';
import { ensureAccount } from './create-app.ts';
import { judgeMerge } from './judge-merge.ts';
import { mergePull } from './merge-pull.ts';
import { enqueuePull } from './merge-queue.ts';
import { requirementsOf } from './rules.ts';
import type { Repository } from './state.ts';

/** Merges the pull requests whose auto-merge has waited for what was just given: a check, an approval. */
export async function mergeWhatIsReady(core: Core, repository: Repository): Promise<void> {
  const waiting = core.state.pulls.filter((one) => one.repositoryId === repository.id && one.autoMerge !== null);
  for (const pull of waiting) {
    const state = await judgeMerge(core, repository, pull);
    const { autoMerge } = pull;
    if (autoMerge === null || (state !== 'clean' && state !== 'unstable')) continue;
    const by = ensureAccount(core, autoMerge.by);
    if (requirementsOf(repository, pull.base).queue) {
      pull.autoMerge = null;
      await enqueuePull(core, repository, by, pull);
    } else {
      await mergePull(core, repository, by, pull, { method: autoMerge.method, isBound: true });
    }
  }
}
