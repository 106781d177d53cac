import { describe, expect, it } from 'vitest';

import { applyIgnorePatterns } from '#shared/sources/ignore-patterns.ts';

function kept(contents: Readonly<Record<string, string>>, specIgnore?: string): readonly string[] {
  const tree = new Map(
    Object.entries(contents).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]),
  );
  return [...applyIgnorePatterns(tree, specIgnore).keys()].sort();
}

function blank(...paths: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(paths.map((path) => [path, '']));
}

describe('what becomes part of an artifact', () => {
  it('is everything but what Flux leaves out by default', () => {
    const left = [
      '.gitignore',
      'a/.gitattributes',
      '.github/workflows/ci.yaml',
      'a/.github/x',
      'logo.png',
      'a/b.zip',
      'c.tar.gz',
    ];
    const more = ['.travis.yml', 'a/.sops.yaml', '.flux.yaml', 'x/.goreleaser.yml', 'cloudbuild.yaml'];
    expect(kept(blank(...left, ...more, 'app.yaml', 'a/kustomization.yaml', 'LOGO.PNG', 'gif'))).toEqual([
      'LOGO.PNG',
      'a/kustomization.yaml',
      'app.yaml',
      'gif',
    ]);
  });

  it.each<[string, string, readonly string[]]>([
    ['one folder of all', '/*\n!/deploy', ['deploy/app.yaml', 'deploy/docs/readme.md', 'deploy/pic.png']],
    ['that, without its documents', '/*\n!/deploy\n/deploy/**/*.md', ['deploy/app.yaml', 'deploy/pic.png']],
    [
      'a file of an excluded folder',
      '/deploy/\n!/deploy/app.yaml',
      ['deploy/app.yaml', 'src/deploy/x.yaml', 'top.yaml'],
    ],
    [
      'what the defaults leave out',
      '!*.png',
      ['deploy/app.yaml', 'deploy/docs/readme.md', 'deploy/pic.png', 'src/deploy/x.yaml', 'top.yaml'],
    ],
    ['comments and blanks aside', '# *\r\n\r\n   \n*.md\r\n', ['deploy/app.yaml', 'src/deploy/x.yaml', 'top.yaml']],
    ['by case', '*.YAML', ['deploy/app.yaml', 'deploy/docs/readme.md', 'src/deploy/x.yaml', 'top.yaml']],
  ])('can be chosen by spec.ignore: %s', (_case, specIgnore, expected) => {
    const contents = blank(
      'top.yaml',
      'deploy/app.yaml',
      'deploy/docs/readme.md',
      'deploy/pic.png',
      'src/deploy/x.yaml',
    );
    expect(kept(contents, specIgnore)).toEqual(expected);
  });

  it('is chosen by .sourceignore files, each for its own folder, the inner one last', () => {
    const contents = {
      ...blank('a/keep.txt', 'a/x.md', 'b/x.md', 'b/c/x.md', 'ab/drop.txt', 'b/drop.txt'),
      '.sourceignore': '*.md\ndrop.txt\n',
      'b/.sourceignore': '!x.md\n/drop.txt\n',
      'b/c/.sourceignore': '*.md\n',
    };
    expect(kept(contents).filter((path) => !path.endsWith('.sourceignore'))).toEqual(['a/keep.txt', 'b/x.md']);
  });

  it('is decided by spec.ignore when a .sourceignore file says otherwise', () => {
    const contents = { ...blank('a.md', 'b.yaml'), '.sourceignore': '*.md\n!b.yaml' };
    expect(kept(contents, '!a.md\nb.yaml\n.sourceignore')).toEqual(['a.md']);
  });
});
