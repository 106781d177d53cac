/**
 * The folder of a source that a path leads to, as Flux finds it (securejoin): `..` leads no further up than the root, from
 * where the rest goes on. The root itself is the empty text.
 *
 * @example resolveInsideRoot('../components/x') // 'components/x'
 */
export function resolveInsideRoot(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.' && part !== '') parts.push(part);
  }
  return parts.join('/');
}
