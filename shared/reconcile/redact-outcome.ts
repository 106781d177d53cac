import type { ApplyOutcome, SetOutcome, WithheldPrune } from '#shared/engine/model/apply-request.ts';

import { redacting, type Redact } from './redact-values.ts';

/** Guards whose words are those of a server. */
const QUOTING: ReadonlySet<string> = new Set(['refused', 'weight-unknown']);

/**
 * Takes the values of Secrets out of what the server said. Variables carry them into objects of any kind, and a refusal
 * quotes the field it refuses.
 */
export function redactOutcome(outcome: ApplyOutcome, secrets: readonly string[]): ApplyOutcome {
  if (secrets.length === 0) return outcome;
  const redact = redacting(secrets);
  return { ...outcome, sets: outcome.sets.map((set) => redactSet(set, redact)) };
}

function redactSet(set: SetOutcome, redact: Redact): SetOutcome {
  const redactMessage = <T extends { readonly message: string }>(one: T): T => ({
    ...one,
    message: redact(one.message),
  });
  return {
    ...set,
    // A success says which revision, in our own words.
    message: set.state === 'ready' ? set.message : redact(set.message),
    // Why an object was recreated names a field, and a field may have a key that a variable filled in.
    changes: set.changes.map(({ note, ...change }) => ({
      ...change,
      ...(note === undefined ? {} : { note: redact(note) }),
    })),
    failures: set.failures.map(redactMessage).map(({ field, ...failure }) => ({
      ...failure,
      ...(field === undefined ? {} : { field: redact(field) }),
    })),
    health: set.health.map(redactMessage),
    withheld: set.withheld.map((prune) =>
      redactAnswer(QUOTING.has(prune.guard) ? redactMessage(prune) : prune, redact),
    ),
  };
}

/** What somebody wrote for an approval is quoted, and a variable may have filled it in. */
function redactAnswer(prune: WithheldPrune, redact: Redact): WithheldPrune {
  const { asksFor } = prune;
  if (asksFor?.answer === undefined) return prune;
  const unheard = asksFor.answer.unheard.map(redact);
  return { ...prune, asksFor: { ...asksFor, answer: { ...asksFor.answer, unheard } } };
}
