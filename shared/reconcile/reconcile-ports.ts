import type { ApplyRecords } from '#shared/ports/apply-records.ts';
import type { ArtifactStore } from '#shared/ports/artifact-store.ts';
import type { Clock } from '#shared/ports/clock.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type { KubernetesApi } from '#shared/ports/kubernetes-api.ts';
import type { Logger } from '#shared/ports/logger.ts';
import type { Renderer } from '#shared/ports/renderer.ts';
import type { RenderCache } from '#shared/render/render-cache.ts';

import type { TreeRoom } from './tree-room.ts';

/** All that a run over one cluster touches: no GitHub, no registry, no queue. */
export interface ReconcilePorts {
  readonly api: KubernetesApi;
  readonly artifacts: ArtifactStore;
  readonly records: ApplyRecords;
  readonly journal: Journal;
  readonly renderer: Renderer;
  readonly renders: RenderCache;
  readonly trees: TreeRoom;
  readonly clock: Clock;
  readonly log: Logger;
}
