import { z } from 'zod';

/** One changed value, as the pull request remembers it for the runs that come. */
const BlockChange = z.object({
  policy: z.string().max(512),
  file: z.string().max(4096),
  path: z.string().max(4096),
  part: z.enum(['image', 'name', 'tag', 'digest']),
  from: z.string().max(1024),
  to: z.string().max(1024),
});
export type BlockChange = z.infer<typeof BlockChange>;

/** What a pull request of ours says to later runs. There is no other memory of it. */
const ChangeBlock = z.object({
  version: z.literal(1),
  cluster: z.string().max(256),
  /** `<namespace>/<name>` of the ImageUpdateAutomation. */
  automation: z.string().max(512),
  /** `superseded`: we closed it ourselves, nobody decided against its versions. */
  state: z.enum(['proposed', 'superseded']),
  changes: z.array(BlockChange).max(2000),
});
export type ChangeBlock = z.infer<typeof ChangeBlock>;

const OPEN = '<!-- tidegate:change ';
const CLOSE = ' -->';
const END = '<!-- tidegate:end -->';
const MAX_BODY_LENGTH = 65_536;

/** Writes the block as an HTML comment in which no value can end it early, mention anybody or refer to an issue. */
export function formatChangeBlock(block: ChangeBlock): string {
  const json = JSON.stringify(block).replace(/[<>&@#/-]/gu, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return `${OPEN}${json}${CLOSE}`;
}

/** Reads the block of one automation out of a body that people may have edited; undefined when it is not there or was damaged. */
export function parseChangeBlock(
  body: string,
  owner: Pick<ChangeBlock, 'cluster' | 'automation'>,
): ChangeBlock | undefined {
  let start = body.slice(0, MAX_BODY_LENGTH * 2).indexOf(OPEN);
  while (start >= 0) {
    const end = body.indexOf(CLOSE, start);
    if (end < 0) return undefined;
    const block = readBlock(body.slice(start + OPEN.length, end));
    if (block?.cluster === owner.cluster && block.automation === owner.automation) return block;
    start = body.indexOf(OPEN, end);
  }
  return undefined;
}

/** The part of a body that is ours: the block, the text for people, the end mark. */
export function formatSection(block: ChangeBlock, text: string): string {
  return `${formatChangeBlock(block)}\n${text}\n${END}`;
}

/** Puts a new section in the place of the old one and keeps what people wrote around it. */
export function replaceSection(body: string, section: string): string {
  const start = body.indexOf(OPEN);
  const end = body.indexOf(END, Math.max(start, 0));
  if (start < 0 || end < 0) return section;
  const replaced = body.slice(0, start) + section + body.slice(end + END.length);
  return replaced.length > MAX_BODY_LENGTH ? section : replaced;
}

function readBlock(json: string): ChangeBlock | undefined {
  try {
    const parsed = ChangeBlock.safeParse(JSON.parse(json));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
