import { formatNamespacedName, type NamespacedName } from '#shared/flux/resource-key.ts';

import type { DesiredSet } from '../model/apply-request.ts';
import type { ApplyRun } from '../model/apply-run.ts';

/** The Kustomizations that may be applied now: all they depend on is ready. */
export function nextReadyNodes(run: ApplyRun): readonly DesiredSet[] {
  return run.sets.filter(
    (set) =>
      run.progress.get(formatNamespacedName(set.id))?.phase === 'pending' &&
      set.settings.dependsOn.every((dependency) => isReady(run, dependency)),
  );
}

/** Whether a Kustomization is ready, as far as this run knows. */
export function isReady(run: ApplyRun, id: NamespacedName): boolean {
  const progress = run.progress.get(formatNamespacedName(id));
  if (progress === undefined) return false;
  const { render } = progress.set;
  return progress.phase === 'ready' || ((render.kind === 'unchanged' || render.kind === 'suspended') && render.ready);
}

/** Marks what is still pending as blocked and names the dependency that is not ready. */
export function blockRest(run: ApplyRun): void {
  for (const progress of run.progress.values()) {
    if (progress.phase !== 'pending') continue;
    const unready = progress.set.settings.dependsOn.filter((dependency) => !isReady(run, dependency));
    if (unready.length === 0) {
      progress.phase = 'progressing';
      progress.message = 'the run ended before it was its turn';
      continue;
    }
    progress.phase = 'blocked';
    progress.reason = 'DependencyNotReady';
    progress.message = unready.map((id) => describe(run, id)).join('; ');
  }
}

function describe(run: ApplyRun, id: NamespacedName): string {
  const known = run.progress.has(formatNamespacedName(id));
  return `dependency ${formatNamespacedName(id)} ${known ? 'is not ready' : 'does not exist in this cluster'}`;
}
