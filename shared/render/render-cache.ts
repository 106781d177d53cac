import type { KubernetesObject } from '#shared/kubernetes/kubernetes-object.ts';

/** Results of renders by the content they came from, so that a push which touches none of their files renders nothing. */
export interface RenderCache {
  get(key: string): readonly KubernetesObject[] | undefined;
  set(key: string, objects: readonly KubernetesObject[]): void;
}

/** Keeps the renders that were used last. Losing them costs a render. */
export function createRenderCache(maxEntries: number): RenderCache {
  const entries = new Map<string, readonly KubernetesObject[]>();
  return {
    get(key) {
      const objects = entries.get(key);
      if (objects !== undefined) {
        // A Map keeps the order of insertion: the first entry is the one that was not used for longest.
        entries.delete(key);
        entries.set(key, objects);
      }
      return objects;
    },
    set(key, objects) {
      entries.set(key, objects);
      const [oldest] = entries.keys();
      if (entries.size > maxEntries && oldest !== undefined) entries.delete(oldest);
    },
  };
}
