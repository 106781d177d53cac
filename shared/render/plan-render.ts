import type { Problem } from '#shared/common/problem.ts';
import { resolveInsideRoot } from '#shared/common/resolve-inside-root.ts';
import type { SourceFile, SourceTree } from '#shared/common/source-tree.ts';
import type { Kustomization } from '#shared/flux/kinds/kustomization.ts';
import { formatNamespacedName } from '#shared/flux/resource-key.ts';

import { collectBuildInput } from './collect-build-input.ts';
import { generateKustomization, type KustomizationEdits } from './generate-kustomization.ts';
import { resolvePath } from './kustomization-file.ts';
import { renderCacheKey } from './render-cache-key.ts';
import { mergeVariables } from './substitute-variables.ts';

/** The part of a Kustomization that decides what it renders. */
export type RenderSettings = KustomizationEdits &
  Pick<Kustomization, 'namespace' | 'name' | 'path' | 'commonMetadata' | 'postBuild'>;

/** A build that can go ahead. */
export interface RenderPlan {
  /** `flux-system/podinfo`, for messages. */
  readonly subject: string;
  /** All that kustomize gets to read. */
  readonly files: SourceTree;
  readonly folder: string;
  /** The file a problem without a better place is reported at. */
  readonly kustomizationFile: string;
  readonly variables: ReadonlyMap<string, string>;
  readonly commonMetadata: Kustomization['commonMetadata'];
  /** Equal keys render equal objects. */
  readonly cacheKey: string;
}

/** The plan, or why it would fail. */
export type PlannedRender =
  | { readonly outcome: 'planned'; readonly plan: RenderPlan }
  | { readonly outcome: 'failed'; readonly problems: readonly Problem[] };

/**
 * Decides what a Kustomization's build reads, before any process starts.
 *
 * @param referenced the data of each `substituteFrom`, in the order of the references; the caller reads them.
 */
export function planRender(
  tree: SourceTree,
  settings: RenderSettings,
  referenced: readonly Readonly<Record<string, string>>[],
  rendererVersion: string,
): PlannedRender {
  const subject = formatNamespacedName(settings);
  const folder = resolveInsideRoot(settings.path);
  if (![...tree.keys()].some((path) => folder === '' || path.startsWith(`${folder}/`))) {
    const message = `kustomization ${subject}: path ${settings.path} names no folder of its source; correct spec.path`;
    return {
      outcome: 'failed',
      problems: [{ file: folder === '' ? settings.path : folder, field: 'spec.path', message }],
    };
  }
  const generated = generateKustomization(tree, folder, settings);
  if (generated.outcome === 'refused') return { outcome: 'failed', problems: generated.problems };
  const replaced = generated.outcome === 'generated' ? asFile(generated.text) : undefined;
  const isNew = !tree.has(generated.file);
  // The file as people wrote it is walked, so that problems have its lines; a component named in the specification is its own walk.
  const walked = isNew && replaced !== undefined ? new Map([...tree, [generated.file, replaced]]) : tree;
  const collected = new Map<string, SourceFile>();
  const problems: Problem[] = [];
  for (const start of [folder, ...componentFolders(folder, settings, generated.file, problems)]) {
    const input = collectBuildInput(walked, start);
    if (input.outcome === 'refused') {
      problems.push(...input.problems.map((problem) => (isNew ? withoutLineIn(generated.file, problem) : problem)));
    } else {
      for (const [path, file] of input.files) {
        collected.set(path, file);
      }
    }
  }
  if (problems.length > 0) return { outcome: 'failed', problems };
  if (replaced !== undefined) {
    collected.set(generated.file, replaced);
  }
  const variables = mergeVariables(referenced, settings.postBuild?.substitute ?? {});
  const { commonMetadata } = settings;
  return {
    outcome: 'planned',
    plan: {
      subject,
      files: collected,
      folder,
      kustomizationFile: isNew ? folderName(folder) : generated.file,
      variables,
      commonMetadata,
      cacheKey: renderCacheKey({ files: collected, folder, variables, commonMetadata, rendererVersion }),
    },
  };
}

function componentFolders(
  folder: string,
  settings: RenderSettings,
  file: string,
  problems: Problem[],
): readonly string[] {
  return settings.components.flatMap((component, index) => {
    const path = /[:?\\]|^\//.test(component) ? undefined : resolvePath(folder, component);
    if (path !== undefined) return [path];
    const message = `is ${JSON.stringify(component)}; allowed is a folder of the same repository, relative to spec.path`;
    problems.push({ file, field: `spec.components[${index}]`, message });
    return [];
  });
}

function withoutLineIn(file: string, problem: Problem): Problem {
  return problem.file === file
    ? { file: folderName(dirnameOf(file)), field: problem.field, message: problem.message }
    : problem;
}

/** What a problem is reported at when the kustomization file was generated, and exists nowhere. */
function folderName(folder: string): string {
  return folder === '' ? './' : `${folder}/`;
}

function dirnameOf(file: string): string {
  return file.slice(0, Math.max(0, file.lastIndexOf('/')));
}

function asFile(text: string): SourceFile {
  return { bytes: Buffer.from(text), executable: false };
}
