import { createHash } from 'node:crypto';

import type { ImageUpdateAutomation } from '#shared/api/image-update-automation.ts';
import { formatNamespacedName } from '#shared/api/resource-key.ts';
import type { FileEdit, ImageChange } from '#shared/edit/plan-edits.ts';
import { tryParseImageReference } from '#shared/image/image-reference.ts';

import { formatSection, type ChangeBlock } from './change-block.ts';
import { tagOfValue } from './held-images.ts';

const MAX_TITLE_LENGTH = 120;
const MAX_ROWS = 200;
const AUTOMATION_TRAILER = 'Tidegate-Automation';
const CONTENT_TRAILER = 'Tidegate-Content';

/** What a change is about, before it is put into words. */
export interface ChangeSubject {
  readonly cluster: string;
  readonly automation: ImageUpdateAutomation;
  readonly changes: readonly ImageChange[];
  readonly edits: readonly FileEdit[];
}

/** `Update podinfo to 6.7.1`, or how many images when they are many. */
export function formatTitle(changes: readonly ImageChange[]): string {
  const images = [...new Set(changes.map(titleOf))];
  const title = images.length <= 3 ? `Update ${images.join(', ')}` : `Update ${images.length} images`;
  return title.length <= MAX_TITLE_LENGTH
    ? title
    : `Update ${images.length === 1 ? 'an image' : `${images.length} images`}`;
}

/** The body of the pull request: the block for later runs, then a table for people. */
export function formatBody(subject: ChangeSubject, state: ChangeBlock['state'] = 'proposed'): string {
  const { cluster, automation, changes } = subject;
  const block: ChangeBlock = {
    version: 1,
    cluster,
    automation: formatNamespacedName(automation),
    state,
    changes: changes.map(({ policy, file, path, part, from, to }) => ({ policy, file, path, part, from, to })),
  };
  const rows = changes
    .slice(0, MAX_ROWS)
    .map(
      ({ policy, file, line, from, to }) => `| ${[policy, `${file}:${line}`, from, to].map(inlineCode).join(' | ')} |`,
    );
  const more = changes.length > MAX_ROWS ? [`and ${changes.length - MAX_ROWS} more`] : [];
  return formatSection(
    block,
    [
      `ImageUpdateAutomation ${inlineCode(formatNamespacedName(automation))} of cluster ${inlineCode(cluster)} found newer images.`,
      '',
      '| policy | place | from | to |',
      '|---|---|---|---|',
      ...rows,
      ...more,
      '',
      'Merge to deploy. Close to say "not this version": it is not proposed again, a newer one is. A commit of yours on this branch stops further updates to it.',
    ].join('\n'),
  );
}

/** The commit message, with trailers that tell whose change it is and what it holds. */
export function formatCommitMessage(subject: ChangeSubject): string {
  const { cluster, automation, changes, edits } = subject;
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
  const { name, email } = automation.commitAuthor;
  const author = `${(name ?? email).replace(/[<>\p{C}]/gu, '')} <${email.replace(/[<>\s\p{C}]/gu, '')}>`;
  return [
    text,
    '',
    formatAutomationTrailer({ cluster, automation }),
    `${CONTENT_TRAILER}: ${fingerprint(edits)}`,
    `Co-authored-by: ${author}`,
    '',
  ].join('\n');
}

/** What the edited files hold: equal for equal files, whatever else the base has gained meanwhile. */
export function fingerprint(edits: readonly FileEdit[]): string {
  const hash = createHash('sha256');
  for (const { file, content } of [...edits].sort((a, b) => (a.file < b.file ? -1 : 1))) {
    hash.update(`${Buffer.byteLength(file)}:${file}:${content.byteLength}:`).update(content);
  }
  return hash.digest('hex');
}

/** Whether a commit says that this automation made it: another that shares its push branch is somebody else. */
export function hasAutomationTrailer(
  message: string,
  { cluster, automation }: Pick<ChangeSubject, 'cluster' | 'automation'>,
): boolean {
  return message.split('\n').includes(formatAutomationTrailer({ cluster, automation }));
}

function formatAutomationTrailer({ cluster, automation }: Pick<ChangeSubject, 'cluster' | 'automation'>): string {
  return `${AUTOMATION_TRAILER}: ${cluster}/${formatNamespacedName(automation)}`;
}

/** Whether a commit of ours holds exactly these edits. */
export function messageHolds(message: string, edits: readonly FileEdit[]): boolean {
  return message.split('\n').includes(`${CONTENT_TRAILER}: ${fingerprint(edits)}`);
}

/** `podinfo to 6.7.1`: built of what the grammars of names, tags and digests allow, so nothing in it can mention or close. */
function titleOf(change: ImageChange): string {
  const reference = change.part === 'image' ? tryParseImageReference(change.to) : undefined;
  const name = reference?.name.split('/').at(-1) ?? change.policy.split('/').at(-1) ?? change.policy;
  const version = tagOfValue(change.part, change.to) ?? (change.part === 'digest' ? change.to.slice(0, 19) : undefined);
  return version === undefined ? plainWord(name) : `${plainWord(name)} to ${plainWord(version)}`;
}

/** Text as a code span: no markup, no mention, no reference, no direction marks, on one line, inside a table. */
function inlineCode(text: string): string {
  const visible = text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
  const safe = visible.replaceAll('`', "'").replaceAll('<!--', '< !--').replaceAll('|', '\\|');
  return `\`${safe.length > 200 ? `${safe.slice(0, 200)}…` : safe || '(empty)'}\``;
}

/** Text as one word of letters, digits and the punctuation of paths, tags and digests. */
function plainWord(text: string): string {
  const word = text.replace(/[^\w./:@+-]/gu, '?').replace(/(^|[^\w])@/gu, '$1?');
  return word.length > 200 ? `${word.slice(0, 200)}...` : word;
}
