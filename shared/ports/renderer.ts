import type { SourceTree } from '#shared/common/source-tree.ts';

/** `kubectl kustomize` in a process of its own: empty environment, no plugins, no network. */
export interface Renderer {
  /** Names the tool and its version; renders of one version are never taken for another's. */
  readonly version: string;
  /**
   * @param request.files the tree the build may read, complete.
   * @param request.path folder of the kustomization file, relative to the tree's root.
   * @returns the rendered YAML stream.
   * @throws TidegateError `BuildFailed` with kustomize's own words.
   */
  build(request: { readonly files: SourceTree; readonly path: string; readonly timeoutMs: number }): Promise<string>;
}
