import { createHash } from 'node:crypto';
import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { FileEdit, ImageChange } from '#shared/image-update/plan-edits.ts';

/** A value that a commit of ours changes, as later runs read it. */
export interface ProposedChange extends Omit<ImageChange, 'line'> {
  /** The image that the policy was about; unknown of a change that is read from a tree. */
  readonly image?: string;
}

/** Whose change a commit is. */
export interface ChangeOwner {
  /** The name of the installation in its settings; absent in commits that were made before it was written there. */
  readonly installation?: string;
  readonly cluster: string;
  /** `<namespace>/<name>` of the ImageUpdateAutomation. */
  readonly automation: string;
}

/** What a commit of ours says of itself. Git keeps it, whatever becomes of the pull request's text: there is no other memory. */
export interface CommitMemory extends ChangeOwner {
  /** The branch that it was made for. */
  readonly base?: string;
  /** The branch that it was made on. */
  readonly branch?: string;
  /** Names and contents of the files that it edits; see {@link fingerprint}. */
  readonly content?: string;
  /** The values that it changes; undefined when they are too many for a message and have to be read from its tree. */
  readonly changes?: readonly ProposedChange[];
  /** Nobody wants the proposal any more: the commit is empty, and says why. */
  readonly withdrawn?: string;
}

const AUTOMATION = 'Tidegate-Automation';
const INSTALLATION = 'Tidegate-Installation';
const BASE = 'Tidegate-Base';
const BRANCH = 'Tidegate-Branch';
const CONTENT = 'Tidegate-Content';
const CHANGE = 'Tidegate-Change';
const CHANGES = 'Tidegate-Changes';
const WITHDRAWN = 'Tidegate-Withdrawn';
/** More changes than fit here are read from the tree. */
const MAX_CHANGES_LENGTH = 16_384;
const MAX_MESSAGE_LENGTH = 1_000_000;

const Change = z.object({
  policy: z.string().max(512),
  file: z.string().max(4096),
  path: z.string().max(4096),
  part: z.enum(['image', 'name', 'tag', 'digest']),
  from: z.string().max(1024),
  to: z.string().max(1024),
  image: z.string().max(1024).optional(),
});

/** The last paragraph of a commit message of ours. */
export function formatTrailers(memory: CommitMemory & { readonly author: string }): string {
  return [
    `${AUTOMATION}: ${memory.cluster}/${memory.automation}`,
    ...(memory.installation === undefined ? [] : [`${INSTALLATION}: ${memory.installation}`]),
    ...(memory.base === undefined ? [] : [`${BASE}: ${memory.base}`]),
    ...(memory.branch === undefined ? [] : [`${BRANCH}: ${memory.branch}`]),
    ...(memory.content === undefined ? [] : [`${CONTENT}: ${memory.content}`]),
    ...(memory.withdrawn === undefined ? [] : [`${WITHDRAWN}: ${oneLine(memory.withdrawn)}`]),
    ...formatChanges(memory.changes ?? []),
    `Co-authored-by: ${memory.author}`,
  ].join('\n');
}

/** Reads what a commit says of itself; undefined for a commit that is not ours. */
export function parseTrailers(message: string): CommitMemory | undefined {
  const lines = lastParagraph(message.slice(0, MAX_MESSAGE_LENGTH)).split('\n');
  const valuesOf = (key: string): readonly string[] =>
    lines.filter((line) => line.startsWith(`${key}: `)).map((line) => line.slice(key.length + 2));
  const owner = /^([^/]+)\/(.+)$/u.exec(valuesOf(AUTOMATION)[0] ?? '');
  const [, cluster, automation] = owner ?? [];
  if (cluster === undefined || automation === undefined) return undefined;
  const [installation] = valuesOf(INSTALLATION);
  const [base] = valuesOf(BASE);
  const [branch] = valuesOf(BRANCH);
  const [content] = valuesOf(CONTENT);
  const [withdrawn] = valuesOf(WITHDRAWN);
  const changes = valuesOf(CHANGES).length > 0 ? undefined : parseChanges(valuesOf(CHANGE));
  return {
    cluster,
    automation,
    ...defined({ installation, base, branch, content, withdrawn }),
    ...(changes === undefined || (changes.length === 0 && withdrawn === undefined) ? {} : { changes }),
  };
}

/** Whether a commit is of this installation, as far as it says: another one may share repository, App and names of clusters. */
export function isOfInstallation({ installation }: ChangeOwner, name: string): boolean {
  return installation === undefined || installation === name;
}

const FINGERPRINT = 'files-';

/**
 * What edited files hold: equal for equal files, whatever else the base has gained meanwhile. Made of names and object ids, so
 * that it can be compared with what GitHub says a commit changes.
 */
export function fingerprint(edits: readonly Pick<FileEdit, 'file' | 'content'>[]): string {
  return fingerprintOf(edits.map(({ file, content }) => ({ path: file, oid: blobOid(content) })));
}

/**
 * Whether a commit changes what it says and nothing else: somebody may have amended it and kept its message. Commits from
 * before fingerprints were made of object ids are believed.
 */
export function holdsWhatItSays(
  { content, withdrawn }: CommitMemory,
  files: readonly { readonly path: string; readonly oid: string }[],
): boolean {
  if (withdrawn !== undefined) return files.length === 0;
  return content?.startsWith(FINGERPRINT) !== true || content === fingerprintOf(files);
}

function fingerprintOf(files: readonly { readonly path: string; readonly oid: string }[]): string {
  const hash = createHash('sha256');
  for (const { path, oid } of [...files].sort((a, b) => (a.path < b.path ? -1 : 1))) {
    hash.update(`${Buffer.byteLength(path)}:${path}:${oid}\n`);
  }
  return `${FINGERPRINT}${hash.digest('hex')}`;
}

/** As git names a blob. */
function blobOid(content: Uint8Array): string {
  return createHash('sha1').update(`blob ${content.byteLength}\0`).update(content).digest('hex');
}

function formatChanges(changes: readonly ProposedChange[]): readonly string[] {
  const lines: string[] = [];
  let length = 0;
  for (const { policy, file, path, part, from, to, image } of changes) {
    const line = `${CHANGE}: ${inAscii(JSON.stringify({ policy, file, path, part, from, to, image }))}`;
    length += line.length + 1;
    if (length > MAX_CHANGES_LENGTH) return [`${CHANGES}: ${changes.length} in the tree`];
    lines.push(line);
  }
  return lines;
}

/** Undefined when one of them is damaged: the tree knows. */
function parseChanges(lines: readonly string[]): readonly ProposedChange[] | undefined {
  const changes: ProposedChange[] = [];
  for (const line of lines) {
    const change = readChange(line);
    if (change === undefined) return undefined;
    const { image, ...rest } = change;
    changes.push({ ...rest, ...defined({ image }) });
  }
  return changes;
}

function readChange(json: string): z.infer<typeof Change> | undefined {
  try {
    const parsed = Change.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** JSON in which nothing ends the line, mentions somebody or refers to an issue when the message is shown. */
function inAscii(json: string): string {
  return json.replace(/[^ -~]|[@#<>&]/gu, (character) =>
    Array.from({ length: character.length }, (_, index) => {
      return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
    }).join(''),
  );
}

function oneLine(text: string): string {
  return text.replace(/[\p{C}\p{Z}]+/gu, ' ').trim();
}

/** Only what we wrote ourselves stands there: a text that a template or a person put above is no trailer. */
function lastParagraph(message: string): string {
  const lines = message.replaceAll('\r\n', '\n').trimEnd().split('\n');
  const blank = lines.findLastIndex((line) => line.trim() === '');
  return lines.slice(blank + 1).join('\n');
}
