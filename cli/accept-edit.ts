import { formatProblem } from '#shared/common/problem.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';

import type { Refusal } from './refuse-eks-cluster.ts';
import { refuse } from './refuse-eks-cluster.ts';

/**
 * Accepts the text of the settings as a command edited it, where it could be edited and still reads as settings.
 * @param byHand what a person writes instead.
 */
export function acceptEdit(
  file: string,
  edited: { readonly text: string } | { readonly fault: string },
  byHand: string,
): Refusal | { readonly outcome: 'accepted'; readonly text: string; readonly settings: Settings } {
  if ('fault' in edited) return refuse(`${file} ${edited.fault}; ${byHand}`);
  const { text } = edited;
  const parsed = parseSettings(text, file);
  return parsed.outcome === 'invalid'
    ? refuse(...parsed.problems.map(formatProblem))
    : { outcome: 'accepted', text, settings: parsed.settings };
}
