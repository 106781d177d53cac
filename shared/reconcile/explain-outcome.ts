import { defined } from '#shared/common/defined.ts';
import type {
  ApplyFailure,
  ApplyOutcome,
  PruneAnswer,
  PruneQuestion,
  SetOutcome,
  SourcePlace,
} from '#shared/engine/model/apply-request.ts';
import type { NamespacedName } from '#shared/flux/resource-key.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import type { KubernetesObject, ObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { objectIdOf, objectKey } from '#shared/kubernetes/kubernetes-object.ts';
import { APPROVE_PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';
import { pathInObject } from '#shared/kubernetes/path-in-object.ts';

import {
  collectApprovals,
  describeKustomization,
  formatApproval,
  kustomizationId,
  parentsOf,
  settingsOf,
  type GivenApproval,
} from './approvals.ts';
import type { DesiredState, KustomizationNode } from './desired-state.ts';

/** Failures that are looked for in their source; more are told without a place. */
const MAX_PLACES = 50;
const MAX_UNHEARD = 3;
const MAX_TEXT = 100;

/**
 * Adds to an outcome what only Git knows: where a refused field stands, and where to approve a prune, with the exact line
 * to write. Approvals that somebody gave and that are not heard are answered by name.
 */
export function explainOutcome(
  outcome: ApplyOutcome,
  desired: DesiredState,
  approvePrune: string | undefined,
): ApplyOutcome {
  const given = collectApprovals(desired, approvePrune);
  const nodes = new Map(desired.nodes.map((node) => [formatNamespacedName(node.kustomization), node]));
  const parents = parentsOf(desired);
  const approvals = indexApprovals(given, nodes);
  const sets = outcome.sets.map((set): SetOutcome => {
    const node = nodes.get(formatNamespacedName(set.id));
    return { ...set, failures: placeFailures(set.failures, node), withheld: answerPrunes(set) };
  });
  return { ...outcome, sets };

  function answerPrunes({ withheld }: SetOutcome): SetOutcome['withheld'] {
    const answers = new Map<string, PruneAnswer>();
    return withheld.map((prune) => {
      const { asksFor } = prune;
      if (asksFor === undefined) return prune;
      const key = formatApproval(asksFor);
      const answer = answers.get(key) ?? answerTo(asksFor);
      answers.set(key, answer);
      return { ...prune, asksFor: { ...asksFor, answer } };
    });
  }

  function answerTo(question: PruneQuestion): PruneAnswer {
    const name = formatNamespacedName(question.kustomization);
    const [root] = desired.nodes;
    const isRoot = root !== undefined && name === formatNamespacedName(root.kustomization);
    // What is gone from Git, nobody renders any more; the root answers for it.
    const asked = isRoot ? undefined : (parents.get(name) ?? root);
    const place = asked === undefined ? undefined : placeOfKustomization(asked, parents);
    const on =
      asked === undefined || place === undefined ? settingsOf(desired) : describeKustomization(asked.kustomization);
    const others = (approvals.on.get(on) ?? []).filter((one) => one.approval !== undefined && !isFor(one, question));
    const texts = [...others.map(({ text }) => text), formatApproval(question)];
    const value = `"${[...new Set(texts)].join(',')}"`;
    return {
      on,
      ...defined({ place }),
      line: place === undefined ? `approvePrune: ${value}` : `${APPROVE_PRUNE_ANNOTATION}: ${value}`,
      unheard: concerned(approvals, question)
        .flatMap((one) => whyUnheard(one, question, nodes, on))
        .slice(0, MAX_UNHEARD),
    };
  }
}

/** Approvals by where they stand, and by the question that one may have been meant for. */
interface IndexedApprovals {
  readonly on: ReadonlyMap<string, readonly GivenApproval[]>;
  readonly unreadable: readonly GivenApproval[];
  readonly meantFor: ReadonlyMap<string, readonly GivenApproval[]>;
  readonly order: ReadonlyMap<GivenApproval, number>;
}

function indexApprovals(
  given: readonly GivenApproval[],
  nodes: ReadonlyMap<string, KustomizationNode>,
): IndexedApprovals {
  const meant = given.flatMap((one) => {
    const name = one.approval?.kustomization;
    if (name === undefined) return [];
    // One that names nothing is most likely meant for what has one of its names.
    const others = nodes.has(formatNamespacedName(name)) ? [] : [`name ${name.name}`, `name ${name.namespace}`];
    return [formatNamespacedName(name), ...others].map((key) => ({ key, one }));
  });
  const groups = Map.groupBy(meant, ({ key }) => key);
  return {
    on: Map.groupBy(given, ({ on }) => on),
    unreadable: given.filter(({ approval }) => approval === undefined).slice(0, MAX_UNHEARD),
    meantFor: new Map([...groups].map(([key, pairs]) => [key, pairs.map(({ one }) => one)])),
    order: new Map(given.map((one, index) => [one, index])),
  };
}

/** Approvals that may have been meant for a question, in the order in which they were found. */
function concerned(approvals: IndexedApprovals, { kustomization }: PruneQuestion): readonly GivenApproval[] {
  const keys = [formatNamespacedName(kustomization), `name ${kustomization.name}`];
  const found = new Set([...approvals.unreadable, ...keys.flatMap((key) => approvals.meantFor.get(key) ?? [])]);
  return [...found].sort((one, other) => (approvals.order.get(one) ?? 0) - (approvals.order.get(other) ?? 0));
}

/** A root that Git does not declare has no place to annotate. */
function placeOfKustomization(
  node: KustomizationNode,
  parents: ReadonlyMap<string, KustomizationNode>,
): SourcePlace | undefined {
  const { kustomization } = node;
  const parent = parents.get(formatNamespacedName(kustomization));
  const path = ['metadata', 'annotations', APPROVE_PRUNE_ANNOTATION];
  const place = (parent ?? node).locate?.(kustomizationId(kustomization), path);
  return parent === undefined && place?.line === undefined ? undefined : place;
}

function whyUnheard(
  given: GivenApproval,
  question: PruneQuestion,
  nodes: ReadonlyMap<string, KustomizationNode>,
  right: string,
): readonly string[] {
  const where = `${given.on}${formatPlace(given)}`;
  const { approval } = given;
  if (approval === undefined) {
    const text = given.text.length > MAX_TEXT ? `${given.text.slice(0, MAX_TEXT)}…` : given.text;
    return [`"${text}" on ${where} is no approval; write "${formatApproval(question)}"`];
  }
  if (isFor(given, question)) {
    if (!given.isHeard) return [`the approval on ${where} does not count there; it belongs on ${right}`];
    return approval.count === question.count
      ? []
      : [`${where} approves ${approval.count}, and it would be ${question.count} now`];
  }
  // A name that nothing goes by is most likely meant for what asks.
  return given.isHeard &&
    !nodes.has(formatNamespacedName(approval.kustomization)) &&
    sameName(approval.kustomization, question.kustomization)
    ? [`"${given.text}" on ${where} names no Kustomization; write "${formatApproval(question)}"`]
    : [];
}

function sameName(one: NamespacedName, other: NamespacedName): boolean {
  return one.name === other.name || one.namespace === other.name;
}

function isFor({ approval }: GivenApproval, { kustomization }: PruneQuestion): boolean {
  return approval !== undefined && formatNamespacedName(approval.kustomization) === formatNamespacedName(kustomization);
}

function formatPlace({ carrier }: GivenApproval): string {
  const path = ['metadata', 'annotations', APPROVE_PRUNE_ANNOTATION];
  const place = carrier?.renderedBy.locate?.(carrier.id, path);
  if (place === undefined) return '';
  return ` (${place.file}${place.line === undefined ? '' : `:${place.line}`})`;
}

function placeFailures(
  failures: readonly ApplyFailure[],
  node: KustomizationNode | undefined,
): readonly ApplyFailure[] {
  const { locate, render } = node ?? {};
  if (locate === undefined || render?.kind !== 'rendered' || failures.length === 0) return failures;
  const objects = indexObjects(render.objects);
  return failures.map((failure, index) => {
    if (index >= MAX_PLACES || failure.place !== undefined) return failure;
    const object = objects.get(objectKey(failure.id)) ?? objects.get(objectKey({ ...failure.id, namespace: '' }));
    const id: ObjectId = object === undefined ? failure.id : objectIdOf(object);
    return { ...failure, place: locate(id, pathInObject(failure.field ?? '', object)) };
  });
}

function indexObjects(objects: readonly KubernetesObject[]): ReadonlyMap<string, KubernetesObject> {
  return new Map(objects.map((object) => [objectKey(objectIdOf(object)), object]));
}
