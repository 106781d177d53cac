import { defined } from '#shared/common/defined.ts';
import type { FluxObjects } from '#shared/flux/flux-objects.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { readStoredFluxObjects, type StoredFluxObjects } from '#shared/journal/read-flux-objects.ts';
import type { Journal } from '#shared/ports/journal.ts';
import type {
  DeclarationRecord,
  InstallationRecord,
  LastRenderRecord,
  SourceHead,
  StatusRecord,
} from '#shared/records/journal-record.ts';
import {
  clusterObject,
  DECLARATIONS_PREFIX,
  INSTALLATION_KEY,
  LAST_RENDERS_PREFIX,
  SOURCE_HEADS_PREFIX,
  statusKey,
} from '#shared/records/journal-record.ts';

import type { TickState } from './is-due.ts';

/** What the last runs recorded of a cluster. */
export interface PreviousState {
  readonly fluxObjects: FluxObjects | undefined;
  /** What says which Flux objects hold; absent, nothing does. */
  readonly fluxObjectsHead?: StoredFluxObjects['head'];
  /** What is left of the Flux objects when not all of them can be read. */
  readonly fluxObjectsDamage?: StoredFluxObjects['damage'];
  /** By `<kind>/<namespace>/<name>`. */
  readonly statuses: ReadonlyMap<string, StatusRecord>;
  /** How Kustomizations were declared last; absent, nothing is known of that. */
  readonly remembered?: RememberedDeclarations;
}

/** Both by `<namespace>/<name>`: what was declared, and where what declares it was rendered last. */
export interface RememberedDeclarations {
  readonly declarations: ReadonlyMap<string, DeclarationRecord>;
  readonly lastRenders: ReadonlyMap<string, LastRenderRecord>;
}

/** Reads it from the journal. Losing it costs repeated events, nothing else. */
export async function readPreviousState(cluster: string, journal: Journal): Promise<PreviousState> {
  const [stored, statuses, declarations, lastRenders] = await Promise.all([
    readStoredFluxObjects(journal, cluster),
    journal.list(cluster, 'status/'),
    journal.list(cluster, DECLARATIONS_PREFIX),
    journal.list(cluster, LAST_RENDERS_PREFIX),
  ]);
  return {
    fluxObjects: stored.fluxObjects,
    fluxObjectsHead: stored.head,
    ...defined({ fluxObjectsDamage: stored.damage }),
    statuses: new Map(
      statuses.flatMap((record) =>
        record.type === 'Status'
          ? [[`${record.object.kind}/${record.object.namespace}/${record.object.name}`, record]]
          : [],
      ),
    ),
    remembered: {
      declarations: new Map(
        declarations.flatMap((record) =>
          record.type === 'Declaration' ? [[formatNamespacedName(record.kustomization), record]] : [],
        ),
      ),
      lastRenders: new Map(
        lastRenders.flatMap((record) => (record.type === 'LastRender' ? [[formatNamespacedName(record), record]] : [])),
      ),
    },
  };
}

/** How the Kustomizations of a cluster stand. */
export async function readKustomizations(cluster: string, journal: Journal): Promise<readonly StatusRecord[]> {
  const records = await journal.list(cluster, 'status/Kustomization/');
  return records.filter((record) => record.type === 'Status');
}

/** Where the sources of a cluster stand. */
export async function readSourceHeads(cluster: string, journal: Journal): Promise<readonly SourceHead[]> {
  const records = await journal.list(cluster, SOURCE_HEADS_PREFIX);
  return records.filter((record) => record.type === 'SourceHead');
}

/** What the last run that began knew of the cluster. */
export async function readInstallation(cluster: string, journal: Journal): Promise<InstallationRecord | undefined> {
  const record = await journal.read(cluster, INSTALLATION_KEY);
  return record?.type === 'Installation' ? record : undefined;
}

/** What a tick looks at to tell whether there is anything to do. */
export async function readTickState(cluster: string, journal: Journal): Promise<Omit<TickState, 'server'>> {
  const [kustomizations, own, heads, installation] = await Promise.all([
    readKustomizations(cluster, journal),
    journal.read(cluster, statusKey(clusterObject(cluster))),
    readSourceHeads(cluster, journal),
    readInstallation(cluster, journal),
  ]);
  return { statuses: [...kustomizations, ...(own?.type === 'Status' ? [own] : [])], heads, installation };
}
