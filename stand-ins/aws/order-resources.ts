import { listReferences } from './resolve-intrinsics.ts';
import type { TemplateResource } from './template.ts';

/**
 * Puts resources into an order in which each comes after those it refers to.
 * @throws Error naming the circle, if there is one.
 */
export function orderResources(resources: Readonly<Record<string, TemplateResource>>): readonly string[] {
  const ordered = new Set<string>();
  const visit = (id: string, path: readonly string[]): void => {
    const resource = resources[id];
    if (resource === undefined || ordered.has(id)) return;
    if (path.includes(id)) throw new Error(`resources refer to one another in a circle: ${[...path, id].join(' ► ')}`);
    for (const other of [...resource.DependsOn, ...listReferences(resource.Properties)]) visit(other, [...path, id]);
    ordered.add(id);
  };
  for (const id of Object.keys(resources)) visit(id, []);
  return [...ordered];
}
