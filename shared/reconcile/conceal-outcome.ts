import type { ApplyOutcome, SetOutcome, WithheldPrune } from '#shared/engine/model/apply-request.ts';

import { concealing, type Conceal } from './conceal-values.ts';

/** Guards whose words are those of a server. */
const QUOTING: ReadonlySet<string> = new Set(['refused', 'weight-unknown']);

/**
 * Takes the values of Secrets out of what the server said. Variables carry them into objects of any kind, and a refusal
 * quotes the field it refuses.
 */
export function concealOutcome(outcome: ApplyOutcome, secrets: readonly string[]): ApplyOutcome {
  if (secrets.length === 0) return outcome;
  const conceal = concealing(secrets);
  return { ...outcome, sets: outcome.sets.map((set) => concealSet(set, conceal)) };
}

function concealSet(set: SetOutcome, conceal: Conceal): SetOutcome {
  const concealMessage = <T extends { readonly message: string }>(one: T): T => ({
    ...one,
    message: conceal(one.message),
  });
  return {
    ...set,
    // A success says which revision, in our own words.
    message: set.state === 'ready' ? set.message : conceal(set.message),
    // Why an object was recreated names a field, and a field may have a key that a variable filled in.
    changes: set.changes.map(({ note, ...change }) => ({
      ...change,
      ...(note === undefined ? {} : { note: conceal(note) }),
    })),
    failures: set.failures.map(concealMessage).map(({ field, ...failure }) => ({
      ...failure,
      ...(field === undefined ? {} : { field: conceal(field) }),
    })),
    health: set.health.map(concealMessage),
    withheld: set.withheld.map((prune) =>
      concealAnswer(QUOTING.has(prune.guard) ? concealMessage(prune) : prune, conceal),
    ),
  };
}

/** What somebody wrote for an approval is quoted, and a variable may have filled it in. */
function concealAnswer(prune: WithheldPrune, conceal: Conceal): WithheldPrune {
  const { asksFor } = prune;
  if (asksFor?.answer === undefined) return prune;
  const unheard = asksFor.answer.unheard.map(conceal);
  return { ...prune, asksFor: { ...asksFor, answer: { ...asksFor.answer, unheard } } };
}
