import { findResource } from '#shared/kubernetes/group-kind.ts';
import { assessHealth } from '#shared/kubernetes/health/assess-health.ts';

import type { Stage } from '../model/apply-order.ts';
import { mayStart, type ApplyRun } from '../model/apply-run.ts';
import type { DesiredObject } from '../model/desired-object.ts';
import type { PlannedObject } from './plan-apply.ts';

/** All else needs the foundations; anywhere later, an object that hangs on a finalizer must not hold up the rest for long. */
const TIMEOUT_MS: Readonly<Record<Stage, number>> = { 0: 60_000, 1: 15_000, 2: 15_000 };
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1000;

/**
 * Waits until the stage can carry the next one: definitions are established and served, objects that were going away are
 * gone. Bounded; what is not settled by then fails by name when it is planned again.
 * @returns whether anything was waited for, so that the cluster has to be looked at again.
 */
export async function settleStage(run: ApplyRun, stage: Stage, planned: readonly PlannedObject[]): Promise<boolean> {
  const definitions = planned
    .filter((object) => object.action === 'apply' && object.desired.id.kind === 'CustomResourceDefinition')
    .map((object) => object.desired);
  const leaving = planned.filter((object) => object.action === 'await-gone');
  if (definitions.length + leaving.length === 0) return false;
  const giveUp = Math.min(run.ports.clock.now() + TIMEOUT_MS[stage], run.request.deadline);
  let pause = FIRST_POLL_MS;
  while (mayStart(run) && run.ports.clock.now() < giveUp) {
    if ((await areServed(run, definitions)) && (await areGone(run, leaving))) break;
    await run.ports.clock.sleep(pause);
    pause = Math.min(pause * 2, LONGEST_POLL_MS);
  }
  return true;
}

async function areServed(run: ApplyRun, definitions: readonly DesiredObject[]): Promise<boolean> {
  if (definitions.length === 0) return true;
  const discovery = await run.ports.api.discover();
  for (const { resource, id, object } of definitions) {
    const live = await run.ports.api.get({ resource, namespace: '', name: id.name });
    const names = live === undefined ? 'NotFound' : assessHealth(live, run.ports.clock.now()).status;
    // One that failed to apply, or whose names clash, is not waited for.
    if (names === 'NotFound' || names === 'Failed') continue;
    const kind = definedKind(object['spec']);
    if (names !== 'Current' || (kind !== undefined && findResource(discovery, kind) === undefined)) return false;
  }
  return true;
}

async function areGone(
  run: ApplyRun,
  leaving: readonly Extract<PlannedObject, { action: 'await-gone' }>[],
): Promise<boolean> {
  for (const { desired, live } of leaving) {
    const { resource, id } = desired;
    const now = await run.ports.api.getMetadata({ resource, namespace: id.namespace, name: id.name });
    if (now?.uid === live.uid) return false;
  }
  return true;
}

function definedKind(spec: unknown): { readonly group: string; readonly kind: string } | undefined {
  const { group, names } = (spec ?? {}) as { readonly group?: unknown; readonly names?: { readonly kind?: unknown } };
  return typeof group === 'string' && typeof names?.kind === 'string' ? { group, kind: names.kind } : undefined;
}
