import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';

import { createKubectlRenderer, type KubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { formatExactJson } from '#shared/common/exact-json.ts';
import { formatProblem } from '#shared/common/problem.ts';
import type { SourceTree } from '#shared/common/source-tree.ts';
import { planRender } from '#shared/render/plan-render.ts';
import { renderKustomization, type RenderResult } from '#shared/render/render-kustomization.ts';
import { defaultRoot } from '#shared/render/resolve-root.ts';
import { spellString } from '#shared/yaml-edit/splice-scalar.ts';
import { ensureClusterBinaries } from '#stand-ins/kubernetes/build-binaries.ts';
import { askOracle, askOracleForText } from '#stand-ins/oracles/ask-oracle.ts';
import { sampleSize } from '#test/sample-size.ts';

import { scalars, values } from './yaml-scalars.ts';

const SEED = 8;
const PER_RENDER = 1_000;
const TIMEOUT_MS = 60_000;
/** What ends a line for YAML 1.1 alone. */
const BREAKS = ['\u0085', '\u2028', '\u2029'] as const;
const ANY_BREAK = /[\u0085\u2028\u2029]/;
/** What a variable may hold for Go and not for us, and is then refused by name: each is rare, and a person can mend it. */
const LOUDER: ReadonlyMap<string, RegExp> = new Map([
  ['a line break of Unicode outside of a text', ANY_BREAK],
  ['a comment that touches a quote or the header of a block', /^[|>][-+0-9]*#|^"[^"]*"#|^'[^']*'#/],
  ['an anchor with odd characters', /^&[^ ]*[^ &\w-]/],
  ['a tag with odd characters', /^![^ ]*[^ !\w-]/],
  ['binary data that is no text', /^!!binary /],
]);
/** A value, or a map with one key, that ends nothing around it. */
const StandsAlone = z.object({
  output: z.strictObject({
    spec: z
      .looseObject({ after: z.literal('here') })
      .refine((spec) => Object.keys(spec).length === 2 && !Object.values(spec).includes(null)),
  }),
});
const ScalarAnswer = z.object({ v2: z.string(), v3: z.string(), text: z.string() });

let renderer: KubectlRenderer;
beforeAll(async () => {
  const { kubectl } = await ensureClusterBinaries();
  renderer = await createKubectlRenderer({ kubectl });
});

function treeOf(manifest: string): SourceTree {
  return new Map([['a.yaml', { bytes: Buffer.from(manifest), executable: false }]]);
}

const HEADER = 'apiVersion: example.com/v1\nkind: Values\nmetadata:\n  name: values\nspec:\n';

/** Renders as Tidegate does, and gives what kustomize wrote on the way. */
async function render(
  manifest: string,
  substitute: Readonly<Record<string, string>> = {},
  written?: string,
): Promise<{ readonly result: RenderResult; readonly stream: string }> {
  const settings = { ...defaultRoot('./'), postBuild: { substitute, substituteFrom: [] } };
  const planned = planRender(treeOf(manifest), settings, [], renderer.version);
  if (planned.outcome === 'failed') throw new Error(planned.problems.map(formatProblem).join('\n'));
  // Equal files build equal streams: one that is built already is not built again.
  const stream =
    written ?? (await renderer.build({ ...planned.plan, path: planned.plan.folder, timeoutMs: TIMEOUT_MS }));
  const result = await renderKustomization(
    planned.plan,
    { renderer: { ...renderer, build: async () => stream } },
    TIMEOUT_MS,
  );
  return { result, stream };
}

/** Every number as its digits, so that no two of them look equal that are not. */
function spellNumbers(value: unknown): unknown {
  if (typeof value === 'number' || typeof value === 'bigint') return `number ${formatExactJson(value)}`;
  if (Array.isArray(value)) return value.map(spellNumbers);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, spellNumbers(field)]));
}

/** The same of an answer in Go's JSON. A server reads its `-0` as the integer 0. */
function readGoJson(answer: string): { readonly output?: unknown; readonly error?: string } {
  const spell = (_key: string, value: unknown, context?: { readonly source?: string }): unknown =>
    typeof value === 'number' ? `number ${context?.source === '-0' ? '0' : context?.source}` : value;
  return JSON.parse(answer, spell) as { readonly output?: unknown; readonly error?: string };
}

function specOf(object: unknown): Readonly<Record<string, unknown>> {
  return z.object({ spec: z.record(z.string(), z.unknown()) }).parse(object).spec;
}

function differences(
  ours: Readonly<Record<string, unknown>>,
  theirs: Readonly<Record<string, unknown>>,
): readonly string[] {
  return [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
    .filter((key) => JSON.stringify(ours[key]) !== JSON.stringify(theirs[key]))
    .map((key) => `${JSON.stringify(key)}: ours ${JSON.stringify(ours[key])}, Go's ${JSON.stringify(theirs[key])}`);
}

describe('values on their way through a render', () => {
  it('are what sigs.k8s.io/yaml reads in the output of kustomize', async () => {
    const samples = fc.sample(scalars, { seed: SEED, numRuns: sampleSize(2_000, 20_000) });
    const answers = await askOracle(
      'scalar',
      samples.map((scalar) => ({ scalar })),
    );
    const found: string[] = [];
    let compared = 0;
    for (let start = 0; start < samples.length; start += PER_RENDER) {
      const batch = samples.slice(start, start + PER_RENDER);
      const lines = batch.flatMap((sample, index) => {
        const answer = answers[start + index];
        // What is no value without quotes breaks the file, and kustomize itself refuses infinite numbers.
        const isPlain =
          answer !== undefined && 'output' in answer && !/^ *[-+]?\.(?:inf|nan) *$|[\u0085\u2028\u2029]/i.test(sample);
        return [
          ...(isPlain ? [`  plain-${index}: ${sample}`] : []),
          `  single-${index}: '${sample.replaceAll("'", "''").replaceAll(/[\u0085\u2028\u2029]/g, '')}'`,
          `  double-${index}: ${doubleQuoted(startsWithBreak(sample) ? sample.replaceAll('\u0085', '') : sample)}`,
          `  lines-${index}: ${doubleQuoted(`first\n${sample}`)}`,
          `  key-${index}: {${JSON.stringify(sample.replaceAll(/[\u0085\u2028\u2029]/g, ''))}: ''}`,
        ];
      });

      const { result, stream } = await render(`${HEADER}${lines.join('\n')}\n`);

      const [answer = ''] = await askOracleForText('yaml', [{ text: stream }]);
      const theirs = specOf(readGoJson(answer).output);
      if (result.outcome === 'failed') throw new Error(result.problems.map(formatProblem).join('\n'));
      found.push(...differences(specOf(spellNumbers(result.objects[0])), theirs));
      compared += Object.keys(theirs).length;
    }

    expect(found).toEqual([]);
    expect(compared).toBeGreaterThan(samples.length * 4);
  });

  it('are what it reads after variables were filled in, and refused where it refuses them', async () => {
    const samples = fc.sample(values, { seed: SEED, numRuns: sampleSize(2_000, 20_000) });
    const manifest = `${HEADER}  value: \${v}\n  inside: a\${v}b\n  quoted: "1\${v}"\n  list:\n  - \${v}\n  lines: |\n    x\n    \${v}\n`;
    const { stream } = await render(manifest);
    const texts = samples.map((sample) => stream.replaceAll('${v}', () => sample));
    const answers = await askOracleForText(
      'yaml',
      texts.map((text) => ({ text })),
    );
    const found: string[] = [];
    const louder: string[] = [];
    for (const [index, sample] of samples.entries()) {
      const { output, error } = readGoJson(answers[index] ?? '');

      const { result } = await render(manifest, { v: sample }, stream);

      const name = JSON.stringify(sample);
      if (result.outcome === 'failed') {
        if (error !== undefined) continue;
        const kind = [...LOUDER].find(([, pattern]) => pattern.test(sample))?.[0];
        if (kind !== undefined) louder.push(`${kind}: ${name}`);
        else found.push(`${name}: refused (${result.problems.map(formatProblem).join()}), Go reads it`);
      } else if (error !== undefined) {
        found.push(`${name}: read, Go refuses it (${error})`);
      } else {
        const faults = differences(specOf(spellNumbers(result.objects[0])), specOf(output));
        found.push(...faults.map((fault) => `${name}: ${fault}`));
      }
    }

    expect(found).toEqual([]);
    expect(louder.length, louder.join('\n')).toBeLessThan(samples.length / 100);
  });

  /**
   * kustomize writes U+0085 raw and reads it back as what is folded into a space: there is nothing that we could keep. A block
   * that starts with one of the other two is refused by name, and is not tried here.
   */
  it('keep the line breaks of Unicode in every style of text, in keys and in values', async () => {
    const texts = BREAKS.flatMap((one) =>
      [
        'a%b',
        '%b',
        'a%',
        'a%%b',
        'a %b',
        'a% b',
        'a %  b',
        'a%%',
        'a%      b',
        'a %%      b',
        'a%      b %      c',
        'a#%b',
        'a>%b',
        'a |%b',
        "it''s%b",
      ].map((text) => text.replaceAll('%', one)),
    );
    const spelled = texts.flatMap((text) => [
      text,
      `'${text}'`,
      `"${text}"`,
      escapeBreaks(`"${text}"`),
      ...(BREAKS.some((one) => text.startsWith(one)) ? ['|-', '>-'] : ['|', '|-', '|+', '>', '>-', '>+']).map(
        (header) => `${header}\n    ${text}`,
      ),
      `|\n    first\n    ${text}\n    last`,
      `>\n    first\n    ${text}\n    last`,
    ]);
    const lines = [
      ...spelled.map((scalar, index) => `  value-${index}: ${scalar}\n`),
      ...spelled.flatMap((key, index) => (/^[|>]/.test(key) ? [] : [`  key-${index}:\n    ${key}: ''\n`])),
    ];
    const answers = await askOracle(
      'yaml',
      lines.map((line) => ({ text: `spec:\n${line}  after: here\n` })),
    );
    // What is no value without quotes would end the mapping, or break the file.
    const alone = lines.filter((_, index) => StandsAlone.safeParse(answers[index]).success);
    const builds = await askOracle(
      'build',
      alone.map((line) => ({
        files: { 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': HEADER + line },
        path: '.',
      })),
    );
    // A key that ends in U+0085 is more than kustomize itself can write.
    const sound = alone.filter((_, index) => !JSON.stringify(builds[index]).includes('"failure"'));

    const { result, stream } = await render(`${HEADER}${sound.join('')}`);

    const [answer = ''] = await askOracleForText('yaml', [{ text: stream }]);
    const theirs = specOf(readGoJson(answer).output);
    if (result.outcome === 'failed') throw new Error(result.problems.map(formatProblem).join('\n'));
    expect(differences(specOf(spellNumbers(result.objects[0])), theirs)).toEqual([]);
    const told = JSON.stringify(theirs);
    expect(told).not.toContain('\u0085');
    for (const one of ['\u2028', '\u2029']) expect(told.split(one).length).toBeGreaterThan(texts.length);
    expect(sound.filter((line) => line.startsWith('  key')).length).toBeGreaterThan(20);
    expect(sound.length).toBeGreaterThan(lines.length / 3);
  });
});

describe('values of a kustomization file', () => {
  it('are the same to kustomize in the file as written and with the fields of the specification in it', async () => {
    const samples = fc.sample(scalars, { seed: SEED, numRuns: sampleSize(1_000, 20_000) });
    for (let start = 0; start < samples.length; start += PER_RENDER) {
      const batch = samples.slice(start, start + PER_RENDER);
      const annotations = batch.map((sample, index) => `  double-${index}: ${escapeBreaks(JSON.stringify(sample))}`);
      // Each is a walk of its own over all containers.
      const tagged = batch.slice(0, 40);
      const tags = tagged.map(
        (sample, index) =>
          `- {name: image-${index}, newTag: ${JSON.stringify(sample.replaceAll(/[^\w.-]/g, '') || 'x')}}`,
      );
      const containers = tagged.map((_, index) => `  - {name: c${index}, image: image-${index}}`);
      const pod = `apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  containers:\n${containers.join('\n')}\n`;
      const text = `resources: [a.yaml]\ncommonAnnotations:\n${annotations.join('\n')}\nimages:\n${tags.join('\n')}\n`;
      const build = async (written: string, targetNamespace?: string) => {
        const files: SourceTree = new Map(
          Object.entries({ 'a.yaml': pod, 'kustomization.yaml': written }).map(([path, content]) => [
            path,
            { bytes: Buffer.from(content), executable: false },
          ]),
        );
        const settings = { ...defaultRoot('./'), ...(targetNamespace !== undefined && { targetNamespace }) };
        const planned = planRender(files, settings, [], renderer.version);
        if (planned.outcome === 'failed') throw new Error(planned.problems.map(formatProblem).join('\n'));
        return renderer.build({ ...planned.plan, path: planned.plan.folder, timeoutMs: TIMEOUT_MS });
      };

      expect(await build(text, 'here')).toBe(await build(`${text}namespace: here\n`));
    }
  });
});

/** kustomize makes a line of what stands in front of U+0085, and a block of such lines may not start with these. */
function startsWithBreak(text: string): boolean {
  return /^[ \u0085]*[\u2028\u2029]/.test(text);
}

/** Raw, U+0085 is folded with the line breaks around it. */
function doubleQuoted(text: string): string {
  return JSON.stringify(text).replaceAll('\u0085', String.raw`\N`);
}

/** Raw, they end a line for kustomize, and the file is refused. */
function escapeBreaks(text: string): string {
  return text
    .replaceAll('\u0085', String.raw`\N`)
    .replaceAll('\u2028', String.raw`\L`)
    .replaceAll('\u2029', String.raw`\P`);
}

describe('values that an edit writes', () => {
  it('are texts for go-yaml v2 and v3, the very ones that were wanted', async () => {
    const samples = fc.sample(scalars, { seed: SEED, numRuns: sampleSize(2_000, 20_000) });

    const answers = await askOracle(
      'scalar',
      samples.map((sample) => ({ scalar: spellString(sample) })),
    );

    const wrong = samples.filter((sample, index) => {
      const answer = answers[index];
      if (answer === undefined || 'error' in answer) return true;
      const { v2, v3, text } = ScalarAnswer.parse(answer.output);
      return v2 !== 'string' || v3 !== '!!str' || text !== sample;
    });
    expect(wrong.map((sample) => `${JSON.stringify(sample)} as ${spellString(sample)}`)).toEqual([]);
  });
});
