import { APP_NAMESPACES, insist, seeGone, waitForStatuses, type StepContext } from '../step-context.ts';

const FILE = 'apps/cache/feature-flags.yaml';
const GONE = 'ConfigMap/cache/feature-flags';

/** 5: a manifest is removed from Git; its object is pruned, and nothing else. */
export async function pruneObject(context: StepContext) {
  const { environment, wait, show } = context;
  const before = await environment.cluster.view.listUids(APP_NAMESPACES);
  insist(before.has(GONE), `${GONE} is not there to be pruned`);
  const pull = await environment.user.propose({
    branch: 'remove-feature-flags',
    title: 'Remove the feature flags',
    files: { [FILE]: null },
  });
  const mergedAt = Date.now();
  const commit = await environment.user.merge(pull);
  await wait({
    what: 'the feature flags to be pruned',
    look: () => seeGone(environment, 'ConfigMap', 'cache', 'feature-flags'),
  });
  const mergeToPrunedMs = Date.now() - mergedAt;
  await waitForStatuses(context, commit);
  const after = await environment.cluster.view.listUids(APP_NAMESPACES);
  const lost = [...before].filter(([id, uid]) => after.get(id) !== uid).map(([id]) => id);
  insist(lost.length === 1 && lost[0] === GONE, `${lost.join(', ')} went, and only ${GONE} should have`);
  show([{ text: `${GONE} pruned; ${after.size} other objects untouched`, tone: 'quiet' }]);
  return { pull, commit, pruned: lost, untouched: after.size, mergeToPrunedMs };
}
