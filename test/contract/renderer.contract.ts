import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { SourceTree } from '#shared/common/source-tree.ts';
import type { Renderer } from '#shared/ports/renderer.ts';

/** A renderer under test. */
export interface RendererWorld {
  readonly renderer: Renderer;
  /** One that stops at this many bytes of output. */
  readonly narrow: { readonly renderer: Renderer; readonly maxOutputBytes: number };
  /** Names of what builds left behind. */
  leftovers(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** Files by path, from their texts. */
export function treeOf(texts: Readonly<Record<string, string>>): SourceTree {
  return new Map(Object.entries(texts).map(([path, text]) => [path, { bytes: Buffer.from(text), executable: false }]));
}

function configMap(name: string, data = ''): string {
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n${data}`;
}

const TIMEOUT_MS = 30_000;

/** What every adapter of `Renderer` keeps. */
export function describeRenderer(name: string, open: () => Promise<RendererWorld>): void {
  describe(`renderer: ${name}`, () => {
    let world: RendererWorld;
    beforeAll(async () => {
      world = await open();
    });
    afterAll(async () => {
      await world.close();
    });

    function build(texts: Readonly<Record<string, string>>, path: string, timeoutMs = TIMEOUT_MS): Promise<string> {
      return world.renderer.build({ files: treeOf(texts), path, timeoutMs });
    }

    it('builds a folder of the tree', async () => {
      const texts = {
        'apps/kustomization.yaml': 'namePrefix: p-\nresources: [../base]\n',
        'base/kustomization.yaml': 'resources: [a.yaml]\n',
        'base/a.yaml': configMap('a'),
      };

      expect(await build(texts, 'apps')).toBe(configMap('p-a'));
    });

    it('builds the root of the tree', async () => {
      expect(await build({ 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': configMap('a') }, '')).toBe(
        configMap('a'),
      );
    });

    it('reads files beside the folder, as Flux does', async () => {
      const texts = { 'apps/kustomization.yaml': 'resources: [../a.yaml]', 'a.yaml': configMap('a') };

      expect(await build(texts, 'apps')).toBe(configMap('a'));
    });

    it("fails with kustomize's words and without paths of this machine", async () => {
      const failure = build({ 'apps/kustomization.yaml': 'resources: [missing.yaml]' }, 'apps');

      await expect(failure).rejects.toMatchObject({
        code: 'BuildFailed',
        disposition: 'stall',
        message: expect.stringMatching(/^kustomize: .*apps\/missing\.yaml.*no such file/),
      });
      await expect(failure).rejects.not.toThrow(/tidegate-build|\/tmp/);
    });

    it('shows no control characters of a file in its failure', async () => {
      const failure = build({ 'apps/kustomization.yaml': 'resources: ["\\e[31mred\\a.yaml"]' }, 'apps');

      await expect(failure).rejects.toSatisfy((error) => error instanceof Error && !/\p{Cc}/u.test(error.message));
    });

    it('gives a build no variable of this process', async () => {
      process.env['TIDEGATE_TEST_CANARY'] = 'canary-of-the-environment';
      const texts = {
        'kustomization.yaml': 'configMapGenerator:\n- name: env\n  envs: [vars.env]\n',
        'vars.env': 'TIDEGATE_TEST_CANARY\nHOME\nKUBECONFIG\nAWS_SECRET_ACCESS_KEY\n',
      };
      try {
        // A name without a value in an env file is filled from the environment of the build.
        const output = await build(texts, '');

        expect(output).toContain('TIDEGATE_TEST_CANARY: ""');
        expect(output).toContain('KUBECONFIG: ""');
        expect(output).not.toContain('canary-of-the-environment');
        expect(output).not.toContain(process.env['HOME'] ?? '/root');
      } finally {
        delete process.env['TIDEGATE_TEST_CANARY'];
      }
    });

    it.each([
      ['an address', 'http://169.254.169.254/latest/a.yaml', 'connection refused'],
      ['a repository', 'https://github.com/acme/app?ref=main', "no 'git' program"],
      ['a repository over ssh', 'git@github.com:acme/app.git', "no 'git' program"],
    ])('cannot reach %s, even where nothing refused it before', async (_, reference, message) => {
      await expect(build({ 'kustomization.yaml': `resources: ["${reference}"]` }, '')).rejects.toThrow(message);
    });

    it('runs no plugin', async () => {
      const plugin =
        'apiVersion: v1\nkind: Evil\nmetadata:\n  name: e\n  annotations:\n    config.kubernetes.io/function: |\n      exec: { path: ./evil.sh }\n';
      const texts = {
        'kustomization.yaml': 'generators: [plugin.yaml]',
        'plugin.yaml': plugin,
        'evil.sh': '#!/bin/sh\ntouch /tmp/tidegate-evil',
      };

      await expect(build(texts, '')).rejects.toMatchObject({ code: 'BuildFailed' });
    });

    it.each(['../outside.yaml', '/outside.yaml', 'a/../../b.yaml', 'a//b.yaml', 'a\0b.yaml', '.', ''])(
      'refuses a tree with the path %j',
      async (path) => {
        await expect(build({ [path]: 'x', 'kustomization.yaml': 'namespace: a' }, '')).rejects.toMatchObject({
          code: 'BuildFailed',
        });
      },
    );

    it('stops a build that takes too long', async () => {
      const texts: Record<string, string> = { 'kustomization.yaml': 'resources: [many.yaml]' };
      texts['many.yaml'] = Array.from({ length: 20_000 }, (_, index) => configMap(`a-${index}`)).join('---\n');
      const started = performance.now();

      await expect(build(texts, '', 300)).rejects.toMatchObject({
        code: 'BuildFailed',
        message: 'kustomize did not finish in 0.3 s; split the kustomization or raise its timeout',
      });

      expect(performance.now() - started).toBeLessThan(5_000);
    });

    it('stops a build that writes too much', async () => {
      const { renderer, maxOutputBytes } = world.narrow;
      const files = treeOf({
        'kustomization.yaml': 'resources: [a.yaml]',
        'a.yaml': configMap('a', `data:\n  a: ${'x'.repeat(maxOutputBytes)}\n`),
      });

      await expect(renderer.build({ files, path: '', timeoutMs: TIMEOUT_MS })).rejects.toMatchObject({
        code: 'BuildFailed',
        message: `kustomize wrote more than ${maxOutputBytes} bytes; split the kustomization`,
      });
    });

    it('ends when kustomizations name one another', async () => {
      const texts = { 'a/kustomization.yaml': 'resources: [../b]', 'b/kustomization.yaml': 'resources: [../a]' };

      await expect(build(texts, 'a')).rejects.toThrow('cycle');
    });

    it('builds many at a time, each from its own files', async () => {
      const outputs = await Promise.all(
        Array.from({ length: 12 }, (_, index) =>
          build({ 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': configMap(`a-${index}`) }, ''),
        ),
      );

      expect(outputs).toEqual(outputs.map((__, index) => configMap(`a-${index}`)));
    });

    it.each<[what: string, texts: Readonly<Record<string, string>>, told: string]>([
      [
        'an object that it cannot write',
        {
          'kustomization.yaml': 'resources: [a.yaml]',
          'a.yaml': 'apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {"a\\N": hunter2, p: hunter2}\n',
        },
        'map[string]interface {}…',
      ],
      [
        'a patch that is none',
        { 'kustomization.yaml': 'resources: [a.yaml]\npatches: [{patch: "hunter2: {"}]', 'a.yaml': configMap('a') },
        'unable to parse SM or JSON patch from [patch: …]',
      ],
      [
        'a literal without a key',
        { 'kustomization.yaml': 'secretGenerator: [{name: a, literals: [hunter2]}]' },
        'literal sources …',
      ],
      [
        'a patch of which it has two',
        {
          'kustomization.yaml': 'resources: [a.yaml]\npatches: [{patch: "p: hunter2", path: a.yaml}]',
          'a.yaml': configMap('a'),
        },
        "patch and path can't be set at the same time …",
      ],
    ])('says nothing of what stands in %s', async (_what, texts, told) => {
      const error: unknown = await build(texts, '').catch((reason: unknown) => reason);

      expect(error).toMatchObject({ code: 'BuildFailed', message: expect.stringContaining(told) });
      expect(String(error)).not.toContain('hunter2');
    });

    it('leaves nothing behind', async () => {
      await build({ 'kustomization.yaml': 'resources: [a.yaml]', 'a.yaml': configMap('a') }, '');
      await build({ 'kustomization.yaml': 'resources: [missing.yaml]' }, '').catch(() => undefined);

      expect(await world.leftovers()).toEqual([]);
    });
  });
}
