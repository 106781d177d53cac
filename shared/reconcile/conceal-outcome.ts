import type { ApplyOutcome, SetOutcome, WithheldPrune } from '#shared/apply/desired-state.ts';
import { concealValues } from './conceal-values.ts';

/** Guards whose words are those of a server. */
const QUOTING: ReadonlySet<string> = new Set(['refused', 'weight-unknown']);

/**
 * Takes the values of Secrets out of what the server said. Variables carry them into objects of any kind, and a refusal
 * quotes the field it refuses.
 */
export function concealOutcome(outcome: ApplyOutcome, secrets: readonly string[]): ApplyOutcome {
  if (secrets.length === 0) return outcome;
  return { ...outcome, sets: outcome.sets.map((set) => concealSet(set, secrets)) };
}

function concealSet(set: SetOutcome, secrets: readonly string[]): SetOutcome {
  const conceal = <T extends { readonly message: string }>(one: T): T => ({
    ...one,
    message: concealValues(one.message, secrets),
  });
  return {
    ...set,
    // A success says which revision, in our own words.
    message: set.state === 'ready' ? set.message : concealValues(set.message, secrets),
    failures: set.failures.map(conceal).map(({ field, ...failure }) => ({
      ...failure,
      ...(field === undefined ? {} : { field: concealValues(field, secrets) }),
    })),
    health: set.health.map(conceal),
    withheld: set.withheld.map((prune) => concealAnswer(QUOTING.has(prune.guard) ? conceal(prune) : prune, secrets)),
  };
}

/** What somebody wrote for an approval is quoted, and a variable may have filled it in. */
function concealAnswer(prune: WithheldPrune, secrets: readonly string[]): WithheldPrune {
  const { asksFor } = prune;
  if (asksFor?.answer === undefined) return prune;
  const unheard = asksFor.answer.unheard.map((text) => concealValues(text, secrets));
  return { ...prune, asksFor: { ...asksFor, answer: { ...asksFor.answer, unheard } } };
}
