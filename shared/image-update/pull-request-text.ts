import type { ImageUpdateAutomation } from '#shared/flux/kinds/image-update-automation.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';
import { tryParseImageReference } from '#shared/images/image-reference.ts';
import { fingerprint, formatTrailers, type ChangeOwner } from '#shared/pull-requests/commit-trailers.ts';
import { cutTo, GITHUB_LIMITS, lengthOnGitHub } from '#shared/pull-requests/github-limits.ts';
import { TAKE_BACK_COMMAND } from '#shared/pull-requests/proposals.ts';
import type { WithdrawReason } from '#shared/pull-requests/withdraw-reason.ts';

import type { FileEdit, ImageChange } from './plan-edits.ts';
import { tagOfValue } from './refused-versions.ts';

const MAX_ROWS = 200;
const MAX_CELL_LENGTH = 200;
const MAX_TITLE_IMAGES = 3;
/** Enough of a digest to tell two apart. */
const DIGEST_LENGTH = 'sha256:'.length + 12;
const BEGIN = '<!-- tidegate:begin ';
const END = '<!-- tidegate:end -->';
const MARKS = new RegExp(`${BEGIN}|${END}`, 'gu');
/** The lines of every section that we have ever written; a new one is added, none is taken out. */
const OUR_LINE =
  /^(?:ImageUpdateAutomation `|\| |\|-|Merge to deploy\. |Withdrawn by Tidegate: |and \d+ more: |\(\d+ rows are left out )/u;
/** A section shorter than this would say nothing. */
const SHORTEST_SECTION = 1_000;

/** What a change is about, before it is put into words. */
export interface ChangeSubject {
  readonly cluster: string;
  readonly automation: ImageUpdateAutomation;
  readonly checkout: { readonly base: string; readonly installation: string };
  readonly changes: readonly ImageChange[];
  readonly edits: readonly FileEdit[];
}

/** The same, for a commit. */
export interface CommitSubject extends ChangeSubject {
  /** The branch that the commit is made on. */
  readonly branchName: string;
  /** The image that each policy is about, by `<namespace>/<name>`. */
  readonly images: ReadonlyMap<string, string>;
}

/** `Update podinfo to 6.7.1`, or how many images when they are many. */
export function formatTitle(changes: readonly ImageChange[]): string {
  const images = [...new Set(changes.map(titleOf))];
  const title = images.length <= MAX_TITLE_IMAGES ? `Update ${images.join(', ')}` : `Update ${images.length} images`;
  return title.length <= 120 ? title : `Update ${images.length === 1 ? 'an image' : `${images.length} images`}`;
}

/**
 * Our part of the pull request's body, between two marks: a table for people, as many rows as there is room for. Nothing is
 * ever read from it but whether it is about the commit that the branch holds.
 */
export function formatSection(subject: ChangeSubject, room: number = GITHUB_LIMITS.pullRequestBody): string {
  const { cluster, automation, changes, edits } = subject;
  const before = [
    `${BEGIN}${fingerprint(edits).slice(-16)} -->`,
    `ImageUpdateAutomation ${inlineCode(formatNamespacedName(automation))} of cluster ${inlineCode(cluster)} found newer images.`,
    '',
    '| policy | place | from | to |',
    '|---|---|---|---|',
  ].join('\n');
  const after = [
    '',
    `Merge to deploy. Close to refuse these versions: they are not proposed again, newer ones are; reopen it, or comment \`${TAKE_BACK_COMMAND}\`, to take that back. A commit of yours on this branch makes it yours: it gets no further updates.`,
    END,
  ].join('\n');
  const rows: string[] = [];
  const more = (): string => `\nand ${changes.length - rows.length} more: see the files changed`;
  let left = room - lengthOnGitHub(before) - lengthOnGitHub(after) - lengthOnGitHub(more()) - 2;
  for (const change of changes.slice(0, MAX_ROWS)) {
    const row = formatRow(change);
    left -= lengthOnGitHub(row) + 1;
    if (left < 0) break;
    rows.push(row);
  }
  return [before, ...rows, ...(rows.length < changes.length ? [more()] : []), after].join('\n');
}

/**
 * What people read of a pull request that is withdrawn: a sentence, and the section that takes the place of the table.
 * @param unmarked why GitHub lets nothing be written that tells it from a person's no.
 */
export function formatWithdrawal(
  reason: WithdrawReason,
  { memory, base }: { readonly memory: ChangeOwner; readonly base: string },
  unmarked?: string,
): { readonly sentence: string; readonly section: string } {
  const automation = `ImageUpdateAutomation ${inlineCode(memory.automation)} of cluster ${inlineCode(memory.cluster)}`;
  const meaning =
    unmarked === undefined
      ? 'Nobody decided against these versions; they may be proposed again.'
      : `GitHub refused the commit that tells this from a no (${inlineCode(unmarked)}), so these versions count as refused until somebody comments \`${TAKE_BACK_COMMAND}\`.`;
  const sentence = `Withdrawn by Tidegate: ${whyWithdrawn(reason, automation, inlineCode(base))}. ${meaning}`;
  return { sentence, section: [`${BEGIN}withdrawn -->`, sentence, END].join('\n') };
}

/** The message of a merge that brings the base's commits into a branch that is shared with others. */
export function formatUpdateBranchMessage({
  base,
  branch,
}: {
  readonly base: string;
  readonly branch: string;
}): string {
  return `Merge branch '${plainWord(base)}' into ${plainWord(branch)}`;
}

function whyWithdrawn(reason: WithdrawReason, automation: string, base: string): string {
  switch (reason) {
    case 'base-is-newer':
      return `${base} holds these images already, or newer ones`;
    case 'refused-elsewhere':
      return 'the same versions were refused in another pull request';
    case 'not-chosen':
      return `the policies of ${automation} no longer choose these versions`;
    case 'policy-is-gone':
      return `${automation} no longer has the policies that chose these versions`;
    case 'place-is-gone':
      return `${base} no longer has the places that it changed`;
    case 'nothing-left':
      return `${base} has got some of these images already, and the others are no longer asked for`;
    case 'base-changed':
      return `${automation} no longer proposes into ${base}`;
    case 'automation-is-gone':
      return `${automation} is no longer in the configuration`;
    case 'automation-pushes':
      return `${automation} now pushes to a branch of its own choice and opens no pull requests`;
    case 'repository-changed':
      return `${automation} now proposes in another repository`;
    case 'cluster-is-gone':
      return `the cluster of ${automation} is no longer in the settings`;
  }
}

/** Whether a body holds this section: the same, other words about the same change, or words about another one. */
export function saysSection(body: string, section: string): 'same' | 'other-words' | 'another-change' {
  const text = body.replaceAll('\r\n', '\n');
  if (text.includes(section)) return 'same';
  return text.includes(section.slice(0, section.indexOf('\n'))) ? 'other-words' : 'another-change';
}

/** Puts our section in the place of the last one, or below the words of people; they are never cut for it. */
export function placeSection(body: string, section: string): string {
  const { before, after } = wordsAround(body.replaceAll('\r\n', '\n'));
  const room = GITHUB_LIMITS.pullRequestBody - lengthOnGitHub(before) - lengthOnGitHub(after);
  const fitted = fitSection(section, room);
  return fitted === undefined ? body : `${before}${fitted}${after}`;
}

/**
 * What people wrote before and after our last section. A mark that has lost the other one is text of theirs, as is what they
 * wrote between our lines: it is kept above.
 */
function wordsAround(text: string): { readonly before: string; readonly after: string } {
  const words: string[] = [];
  let from = 0;
  let begin: number | undefined;
  for (const { 0: mark, index } of text.matchAll(MARKS)) {
    if (mark === BEGIN) {
      begin = index;
    } else if (begin !== undefined) {
      const between = text.slice(begin, index).replace(/^<!--[^\n]*?-->/u, '');
      words.push(
        text.slice(from, begin),
        ...between
          .split('\n')
          .filter(isTheirs)
          .map((line) => `${line}\n\n`),
      );
      from = index + END.length;
      begin = undefined;
    }
  }
  const rest = text.slice(from);
  if (words.length > 0) return { before: words.join(''), after: rest };
  return { before: rest.trim() === '' ? '' : `${rest.trimEnd()}\n\n`, after: '' };
}

function isTheirs(line: string): boolean {
  return line.trim() !== '' && !OUR_LINE.test(line);
}

/** The commit message, with trailers that tell whose change it is and what it holds. */
export function formatCommitMessage(subject: CommitSubject): string {
  const { cluster, automation, checkout, changes, edits, branchName, images } = subject;
  const template = automation.messageTemplate?.trim();
  const text =
    template !== undefined && template !== '' && !template.includes('{{')
      ? template
      : [
          formatTitle(changes),
          '',
          ...changes.slice(0, MAX_ROWS).map(({ file, line, from, to }) => {
            return `- ${plainWord(file)}:${line} ${plainWord(from)} -> ${plainWord(to)}`;
          }),
        ].join('\n');
  const trailers = formatTrailers({
    cluster,
    automation: formatNamespacedName(automation),
    installation: checkout.installation,
    base: checkout.base,
    branch: branchName,
    content: fingerprint(edits),
    changes: changes.map((change) => {
      const image = images.get(change.policy);
      return image === undefined ? change : { ...change, image };
    }),
    author: authorOf(automation),
  });
  return `${text}\n\n${trailers}\n`;
}

/** Whom a commit names beside us: `spec.git.commit.author`. */
export function authorOf({ commitAuthor: { name, email } }: Pick<ImageUpdateAutomation, 'commitAuthor'>): string {
  return `${(name ?? email).replace(/[<>\p{C}]/gu, '')} <${email.replace(/[<>\s\p{C}]/gu, '')}>`;
}

function formatRow({ policy, file, line, part, from, to }: ImageChange): string {
  const cells = [policy, `${file}:${line}`, shortDigest(part, from), shortDigest(part, to)];
  return `| ${cells.map(inlineCode).join(' | ')} |`;
}

/** A section that is too long for the words around it gives up rows, from the last. */
function fitSection(section: string, room: number): string | undefined {
  if (lengthOnGitHub(section) <= room) return section;
  if (room < SHORTEST_SECTION) return undefined;
  const lines = section.split('\n');
  let over = lengthOnGitHub(section) - room + 100;
  let dropped = 0;
  for (let index = lines.length - 1; index >= 0 && over > 0; index -= 1) {
    if (lines[index]?.startsWith('| `') !== true) continue;
    over -= lengthOnGitHub(lines[index] ?? '') + 1;
    lines.splice(index, 1);
    dropped += 1;
  }
  if (over > 0) return undefined;
  const last = lines.findLastIndex((line) => line.startsWith('|'));
  lines.splice(last + 1, 0, '', `(${dropped} rows are left out here: see the files changed)`);
  return lines.join('\n');
}

/** `podinfo to 6.7.1`: built of what the grammars of names, tags and digests allow, so nothing in it can mention or close. */
function titleOf(change: ImageChange): string {
  const reference = change.part === 'image' ? tryParseImageReference(change.to) : undefined;
  const name = reference?.name.split('/').at(-1) ?? change.policy.split('/').at(-1) ?? change.policy;
  const version = versionOf(change);
  return cutTo(version === undefined ? plainWord(name) : `${plainWord(name)} to ${plainWord(version)}`, 100);
}

/** The tag, and where it stays the digest that is new under it. */
function versionOf({ part, from, to }: ImageChange): string | undefined {
  if (part === 'digest') return to.slice(0, DIGEST_LENGTH);
  const tag = tagOfValue(part, to);
  const digest = part === 'image' ? tryParseImageReference(to)?.digest : undefined;
  const isSameTag = tag !== undefined && tag === tagOfValue(part, from);
  return isSameTag && digest !== undefined ? `${tag}@${digest.slice(0, DIGEST_LENGTH)}` : tag;
}

/** A reference with as much of its digest as a person compares. */
function shortDigest(part: ImageChange['part'], value: string): string {
  if (part !== 'image' && part !== 'digest') return value;
  return value.replace(/sha256:[0-9a-f]{64}$/u, (digest) => `${digest.slice(0, DIGEST_LENGTH)}…`);
}

/** Text as a code span: no markup, no mention, no reference, no direction marks, on one line, inside a table. */
function inlineCode(text: string): string {
  const visible = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  const safe = visible.replaceAll('`', "'").replaceAll('<!--', '< !--').replaceAll('|', '\\|');
  return `\`${cutTo(safe === '' ? '(empty)' : safe, MAX_CELL_LENGTH)}\``;
}

/** Text as one word of letters, digits and the punctuation of paths, tags and digests. */
function plainWord(text: string): string {
  const word = text.replace(/[^\w./:@+-]/gu, '?').replace(/(^|[^\w])@/gu, '$1?');
  return word.length > 200 ? `${word.slice(0, 200)}...` : word;
}
