import type { PruneAnswer, SetOutcome, SourcePlace, WithheldPrune } from '#shared/engine/model/apply-request.ts';
import { PASSING_GUARDS, SETTLED_GUARDS } from '#shared/engine/prune/guard-outlook.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { formatObjectId } from '#shared/kubernetes/kubernetes-object.ts';
import { APPROVE_PRUNE_ANNOTATION } from '#shared/kubernetes/names.ts';
import type { WithheldSummary } from '#shared/records/journal-record.ts';

import { nameObjects, shorten } from './shorten-message.ts';

/** Reasons told in one message; the rest is counted. */
const MAX_REASONS = 20;
const MAX_LINE = 500;
/** Longer names would leave no room for the reason beside a commit. */
const MAX_NAME = 60;

/** Prunes that do not happen for the same reason. */
interface Held {
  readonly message: string;
  readonly guard: string;
  readonly asksFor: WithheldPrune['asksFor'];
  readonly prunes: WithheldPrune[];
}

/** All that is held back, each object and each reason once; nothing when nothing is. */
export function describeWithheld(outcome: Pick<SetOutcome, 'id' | 'withheld'>): string | undefined {
  const groups = groupWithheld(outcome);
  if (groups.length === 0) return undefined;
  const answered = new Set<string>();
  const told = groups.slice(0, MAX_REASONS).map((held) => {
    const names = nameObjects(held.prunes.map(({ id }) => id));
    // One answer may let objects go that are held for several reasons.
    const answer = describeAnswer(held).filter((line) => !answered.has(line));
    answer.forEach((line) => answered.add(line));
    if (held.prunes.length === 1) return [`${names}: ${held.message}`, ...answer].join('\n  ');
    return [`${held.prunes.length} objects stay: ${held.message}`, ...answer, names].join('\n  ');
  });
  const more = groups.length - told.length;
  return shorten([...told, ...(more > 0 ? [`… and ${more} more reasons`] : [])].join('\n'));
}

/** What of it waits for a person, on a line; nothing for what stays for good, or passes by itself. */
export function summarizeWithheld(outcome: Pick<SetOutcome, 'id' | 'withheld'>): WithheldSummary | undefined {
  const waiting = groupWithheld(outcome).filter(
    ({ guard }) => !SETTLED_GUARDS.has(guard) && !PASSING_GUARDS.has(guard),
  );
  const [first] = waiting;
  const [prune] = first?.prunes ?? [];
  if (first === undefined || prune === undefined) return undefined;
  const more = first.prunes.length - 1;
  const name = `${shorten(formatObjectId(prune.id), MAX_NAME)}${more > 0 ? ` and ${more} more` : ''}`;
  return {
    count: waiting.reduce((count, { prunes }) => count + prunes.length, 0),
    line: shorten(`${name}: ${first.message}`, MAX_LINE),
    todo: shorten(describeTodo(first), MAX_LINE),
  };
}

/** What asks a person comes first, then what holds most. */
function groupWithheld({ withheld }: Pick<SetOutcome, 'withheld'>): readonly Held[] {
  const groups = new Map<string, Held>();
  for (const prune of withheld) {
    const key = `${prune.guard}\n${prune.message}`;
    const held = groups.get(key);
    if (held !== undefined) {
      held.prunes.push(prune);
    } else {
      groups.set(key, { message: prune.message, guard: prune.guard, asksFor: prune.asksFor, prunes: [prune] });
    }
  }
  return [...groups.values()].sort(
    (one, other) => rankOf(one) - rankOf(other) || other.prunes.length - one.prunes.length,
  );
}

function rankOf({ guard, asksFor }: Held): number {
  if (SETTLED_GUARDS.has(guard)) return 3;
  if (PASSING_GUARDS.has(guard)) return 2;
  return asksFor === undefined && guard !== 'share' ? 1 : 0;
}

function describeAnswer({ asksFor }: Held): readonly string[] {
  if (asksFor === undefined) return [];
  const { answer, kustomization, count } = asksFor;
  if (answer !== undefined) return [approve(answer), ...answer.unheard.slice(0, MAX_REASONS)];
  const line = `${APPROVE_PRUNE_ANNOTATION}: "${formatNamespacedName(kustomization)}=${count}"`;
  return [`to approve, annotate what renders the Kustomization with ${line}`];
}

function approve({ line, on, place }: PruneAnswer): string {
  return `to approve, write ${line} on ${on}${place === undefined ? '' : ` (${formatPlace(place)})`}`;
}

function describeTodo(held: Held): string {
  const [answer, ...unheard] = describeAnswer(held);
  if (answer !== undefined) return [answer, ...unheard].join('; ');
  switch (held.guard) {
    case 'share':
    case 'weight':
      return 'approve it in Git, as the reason says, or put what is missing back into Git';
    case 'not-rendered':
    case 'artifact-incomplete':
      return 'mend what the reason names; the objects then go by themselves';
    case 'discovery-incomplete':
      return 'mend the APIService that does not answer (kubectl get apiservices); the objects then go by themselves';
    case 'holds-others':
      return 'see to what the reason names; when that is gone, it goes by itself';
    case 'weight-unknown':
      return 'let Tidegate list what the reason names, or do what the reason says';
    case 'refused':
      return 'give Tidegate the right that the reason names, or delete the object yourself';
    default:
      return 'do what the reason says, or put the object back into Git';
  }
}

/** `clusters/a/apps.yaml:12`. */
export function formatPlace({ file, line }: SourcePlace): string {
  return line === undefined ? file : `${file}:${line}`;
}
