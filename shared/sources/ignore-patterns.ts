import ignore, { type Ignore } from 'ignore';

import type { SourceTree } from '#shared/common/source-tree.ts';

const IGNORE_FILE = '.sourceignore';

/** What Flux leaves out of every artifact unless a later pattern brings it back. */
const DEFAULT_EXCLUSIONS = `
.git/
.gitignore
.gitmodules
.gitattributes
*.jpg
*.jpeg
*.gif
*.png
*.wmv
*.flv
*.tar.gz
*.zip
.github/
.circleci/
.travis.yml
.gitlab-ci.yml
appveyor.yml
.drone.yml
cloudbuild.yaml
codeship-services.yml
codeship-steps.yml
**/.goreleaser.yml
**/.sops.yaml
**/.flux.yaml
`;

/** Neighboring patterns that all exclude, or all bring back, below one folder. */
interface PatternRun {
  readonly folder: string;
  readonly excludes: boolean;
  readonly matcher: Ignore;
}

/**
 * The files of a source that belong in its artifact.
 * Order as in Flux, the last match decides: defaults, each `.sourceignore` (its folder only), `spec.ignore`.
 * Other than in Git, a pattern brings a file back even when its folder was excluded.
 */
export function applyIgnorePatterns(tree: SourceTree, specIgnore: string | undefined): SourceTree {
  const runs = [
    ...compile('', DEFAULT_EXCLUSIONS),
    ...ignoreFiles(tree).flatMap(({ folder, text }) => compile(folder, text)),
    ...compile('', specIgnore ?? ''),
  ].toReversed();
  return new Map([...tree].filter(([path]) => !isExcluded(path, runs)));
}

function isExcluded(path: string, runs: readonly PatternRun[]): boolean {
  for (const { folder, excludes, matcher } of runs) {
    if (path.startsWith(folder) && matcher.ignores(path.slice(folder.length))) return excludes;
  }
  return false;
}

function compile(folder: string, text: string): PatternRun[] {
  const runs: PatternRun[] = [];
  for (const raw of text.split('\n')) {
    const line = raw.replace(/\r$/, '');
    if (line.trim() === '' || line.startsWith('#')) continue;
    const excludes = !line.startsWith('!');
    const pattern = excludes ? line : line.slice(1);
    const last = runs.at(-1);
    if (last !== undefined && last.excludes === excludes) last.matcher.add(pattern);
    else runs.push({ folder, excludes, matcher: ignore({ ignorecase: false }).add(pattern) });
  }
  return runs;
}

/** Outer folders first, so that an inner file has the last word about its own folder. */
function ignoreFiles(tree: SourceTree): readonly { readonly folder: string; readonly text: string }[] {
  return [...tree]
    .filter(([path]) => path === IGNORE_FILE || path.endsWith(`/${IGNORE_FILE}`))
    .map(([path, file]) => ({
      folder: path.slice(0, -IGNORE_FILE.length),
      text: Buffer.from(file.bytes).toString('utf8'),
    }))
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}
