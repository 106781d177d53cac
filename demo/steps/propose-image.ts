import type { PullFile } from '../repository-user.ts';
import { insist, listOwnPulls, type ShownLine, type StepContext } from '../step-context.ts';
import { notYet, sighted } from '../wait-for.ts';

const OLD = '6.7.0';
const NEW = '6.7.1';

/** 2: an image is pushed to ECR, and a pull request changes exactly the tag. */
export async function proposeImage({ environment, wait, show }: StepContext) {
  if (environment.registry === undefined) throw new Error('this environment has no registry to push to');
  const pushedAt = Date.now();
  await environment.registry.push(NEW);
  const pull = await wait({
    what: `the pull request for ${NEW}`,
    look: async () => {
      const [first, ...more] = await listOwnPulls(environment);
      insist(more.length === 0, `${more.length + 1} pull requests by Tidegate instead of one`);
      return first === undefined ? notYet('no pull request by Tidegate') : sighted(first);
    },
  });
  const pushToPullMs = Date.now() - pushedAt;
  const files = await environment.user.readFiles(pull.number);
  checkDiff(files);
  show([
    { text: `#${pull.number} ${pull.title}, by ${pull.author}`, tone: 'quiet' },
    ...files.flatMap(({ path, patch }) => [
      { text: path, tone: 'quiet' as const },
      ...patch.split('\n').flatMap(showLine),
    ]),
  ]);
  return { pull: pull.number, branch: pull.branch, diff: files.map(({ patch }) => patch).join('\n'), pushToPullMs };
}

function showLine(text: string): readonly ShownLine[] {
  if (text.startsWith('+')) return [{ text, tone: 'added' }];
  if (text.startsWith('-')) return [{ text, tone: 'removed' }];
  return [];
}

/** One line of one file, in which one tag took the place of the other and nothing else moved. */
function checkDiff(files: readonly PullFile[]): void {
  const [file, ...others] = files;
  insist(file !== undefined && others.length === 0, `the pull request changes ${files.length} files instead of one`);
  const lines = (file?.patch ?? '').split('\n');
  const removed = lines.filter((line) => line.startsWith('-')).map((line) => line.slice(1));
  const added = lines.filter((line) => line.startsWith('+')).map((line) => line.slice(1));
  insist(
    removed.length === 1 && added.length === 1 && removed[0]?.replace(`:${OLD} `, `:${NEW} `) === added[0],
    `the pull request changes more than the tag:\n${lines.join('\n')}`,
  );
}
