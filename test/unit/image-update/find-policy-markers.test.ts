import { describe, expect, it } from 'vitest';

import { findPolicyMarkers } from '#shared/image-update/find-policy-markers.ts';

const TAG = '# {"$imagepolicy": "flux-system:podinfo:tag"}';
const IMAGE = '# {"$imagepolicy": "flux-system:podinfo"}';

describe('finding image policy markers', () => {
  it.each([
    ['plain', `image: reg:5000/a/b:v1 ${IMAGE}\n`, 'image = reg:5000/a/b:v1 (image)'],
    ['double quoted', `tag: "1.10" ${TAG}\n`, 'tag = 1.10 (tag)'],
    ['single quoted', `tag: '1.10' ${TAG}\n`, 'tag = 1.10 (tag)'],
    ['a number keeps its spelling', `tag: 1.10 ${TAG}\n`, 'tag = 1.10 (tag)'],
    ['in a sequence', `images:\n- name: a\n  newTag: v1 ${TAG}\n`, 'images[0].newTag = v1 (tag)'],
    ['a sequence item', `- a:v1 ${IMAGE}\n`, '[0] = a:v1 (image)'],
    ['flow, on a line of its own', `{\n  "tag": "v1", ${TAG}\n  "x": 1\n}\n`, 'tag = v1 (tag)'],
    ['second document', `a: 1\n---\ntag: v1 ${TAG}\n...\n`, '1:tag = v1 (tag)'],
    ['windows line ends', `tag: v1 ${TAG}\r\nb: 1\r\n`, 'tag = v1 (tag)'],
    ['byte order mark', `\uFEFFtag: v1 ${TAG}\n`, 'tag = v1 (tag)'],
    ['no line end', `tag: v1 ${TAG}`, 'tag = v1 (tag)'],
    ['anchor on the value', `tag: &t v1 ${TAG}\nb: *t\n`, 'tag = v1 (tag)'],
    ['explicit string', `tag: !!str 1.10 ${TAG}\n`, 'tag = 1.10 (tag)'],
    ['astral characters before', `# 🚀 é\nx: "🚀"\ntag: v1 ${TAG}\n`, 'tag = v1 (tag)'],
    ['key with a dot', `"a.b": v1 ${TAG}\n`, '"a.b" = v1 (tag)'],
    ['name part', 'repository: a/b # {"$imagepolicy": "ns:p:name"}\n', 'repository = a/b (name)'],
    ['digest part', 'd: sha256:1 # {"$imagepolicy": "ns:p:digest"}\n', 'd = sha256:1 (digest)'],
    ['value on the next line', `tag:\n  v1 ${TAG}\n`, 'tag = v1 (tag)'],
  ])('reads it: %s', (_what, text, expected) => {
    const { markers, problems } = find(text);

    expect(problems).toEqual([]);
    expect(markers.map(({ path, value, part }) => `${path} = ${value} (${part})`)).toEqual([expected]);
  });

  it.each([
    ['a comment of another kind', 'tag: v1 # the "$imagepolicy" marker belongs here\n'],
    ['the marker inside a block scalar', `script: |\n  tag: v1 ${TAG}\n`],
    ['the marker inside a quoted value', `text: 'v1 ${TAG}'\n`],
    ['another setter', 'a: 1 # {"$other": "x", "y": "\\"$imagepolicy\\""}\n'.replace('$other', '$openapi')],
  ])('does not take for one: %s', (_what, text) => {
    expect(find(text).markers).toEqual([]);
  });

  it.each([
    ['an alias', `a: &t v1\ntag: *t ${TAG}\n`, 2, 'alias *t'],
    ['an empty value', `a: 1\ntag: ${TAG}\n`, 2, 'directly in front'],
    ['a marker on a line of its own', `${TAG}\ntag: v1\n`, 1, 'directly in front'],
    ['a closing brace between', `a: {tag: v1} ${TAG}\n`, 1, 'directly in front'],
    ['a literal block', `tag: |- ${TAG}\n  v1\n`, 1, 'in front'],
    ['a template expression as value', `tag: "{{ .Values.tag }}" ${TAG}\n`, 1, 'template expression'],
    ['an unknown part', 'tag: v1 # {"$imagepolicy": "ns:p:version"}\n', 1, ':digest'],
    ['a policy with a slash', 'tag: v1 # {"$imagepolicy": "ns/p"}\n', 1, '<namespace>:<policy>'],
    ['a Helm template', `{{- if .Values.x }}\ntag: v1 ${TAG}\n{{- end }}\n`, 1, 'Helm template'],
    ['a key given twice', `tag: v1 ${TAG}\ntag: v2\n`, 2, 'cannot be edited'],
    ['a file encrypted by SOPS', `tag: v1 ${TAG}\nsops:\n  mac: ENC[x]\n`, undefined, 'SOPS'],
    ['nesting that exhausts the stack', `a: ${'['.repeat(100_000)} ${TAG}\n`, undefined, 'cannot be edited'],
  ])('refuses and names the line: %s', (_what, text, line, message) => {
    const { markers, problems } = find(text);

    expect(markers).toEqual([]);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.file).toBe('apps/a.yaml');
    expect(problems[0]?.message).toContain(message);
    expect([line, undefined === line ? line : problems[0]?.line]).toEqual([line, line]);
  });

  it('refuses a map that holds a key twice, and says where', () => {
    const { markers, problems } = find(`a: 1\nb: { c: 1,\n c: 2 }\ntag: v1 ${TAG}\n`);

    expect(markers).toEqual([]);
    expect(problems).toMatchObject([{ line: 3, message: 'cannot be edited as YAML: Map keys must be unique' }]);
  });

  it('takes time in proportion to the file, also for one map of a great many keys', () => {
    const keys = Array.from({ length: 60_000 }, (_, index) => `k${index}: v`).join('\n');

    expect(find(`${keys}\ntag: v1 ${TAG}\n`).markers).toHaveLength(1);
  }, 30_000);

  it('refuses bytes that are not UTF-8', () => {
    const bytes = Buffer.concat([Buffer.from(`tag: v1 ${TAG}\nb: `), Buffer.from([0xff, 0xfe])]);

    expect(findPolicyMarkers('a.yaml', bytes).problems[0]?.message).toContain('UTF-8');
  });

  it.each([
    ['little-endian UTF-16', (text: string) => Buffer.from(text, 'utf16le')],
    ['big-endian UTF-16', (text: string) => Buffer.from(text, 'utf16le').swap16()],
  ])('reads %s by its byte order mark, and says so of a file without one', (_, encode) => {
    const text = `tag: v1 ${TAG}\nb: \u{1F600}\n`;

    expect(findPolicyMarkers('a.yaml', encode(`\uFEFF${text}`))).toMatchObject({
      markers: [{ path: 'tag', value: 'v1', line: 1 }],
      problems: [],
    });
    expect(findPolicyMarkers('a.yaml', encode(text))).toEqual({
      markers: [],
      problems: [
        { file: 'a.yaml', field: '', message: 'is neither UTF-8 nor UTF-16 with a byte order mark; save it as UTF-8' },
      ],
    });
  });

  it('says so of UTF-16 that is cut off, and keeps silent about a file without a marker', () => {
    const bytes = Buffer.from(`\uFEFFtag: v1 ${TAG}\n`, 'utf16le');

    expect(findPolicyMarkers('a.yaml', bytes.subarray(0, -1)).problems).toHaveLength(1);
    expect(findPolicyMarkers('a.yaml', Buffer.from('\uFEFFtag: v1\n', 'utf16le'))).toEqual({
      markers: [],
      problems: [],
    });
  });

  it.each([
    ['a.yaml', 1],
    ['a.yml', 1],
    ['x/Kustomization', 1],
    ['a.json', 0],
    ['README.md', 0],
    ['yaml', 0],
  ])('looks into %s: %i', (file, count) => {
    expect(findPolicyMarkers(file, Buffer.from(`tag: v1 ${TAG}\n`)).markers).toHaveLength(count);
  });
});

function find(text: string) {
  return findPolicyMarkers('apps/a.yaml', Buffer.from(text));
}
