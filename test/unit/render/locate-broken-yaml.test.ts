import { describe, expect, it } from 'vitest';

import { formatProblem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { locateBrokenYaml } from '#shared/render/locate-broken-yaml.ts';

const GOOD = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n';
const WORDS =
  "kustomize: accumulating resources from 'b.yaml': MalformedYAMLError: yaml: line 2: oh no in File: b.yaml";

function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]));
}

describe('a file that is no YAML', () => {
  it('is found in its folder, with the line of the file and not of the document', () => {
    const broken = `${GOOD}---\na: b: c\n`;
    const files = treeOf({ 'x/b.yaml': GOOD, 'y/z/b.yaml': broken, 'y/not-b.yaml': broken });

    const problems = locateBrokenYaml(files, WORDS).map(formatProblem);

    expect(problems).toEqual([expect.stringMatching(/^y\/z\/b\.yaml:6:\d+: is not YAML: /)]);
  });

  it.each([
    ['is fine for our parser', treeOf({ 'b.yaml': GOOD }), WORDS],
    ['is not what the build complains of', treeOf({ 'b.yaml': 'a: b: c\n' }), 'kustomize: no matches for Id in b.yaml'],
  ])('is left to kustomize to tell when it %s', (_case, files, words) => {
    expect(locateBrokenYaml(files, words)).toEqual([]);
  });
});
