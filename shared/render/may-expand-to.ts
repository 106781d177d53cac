import { resolvePath } from './kustomization-file.ts';

/** Whether a path can lead to a folder once its variables, of which nothing is known, are filled in. */
export function mayExpandTo(path: string, folder: string): boolean {
  const target = resolvePath('', folder) ?? '';
  // A part with a variable may become any parts, of the rest everything stays.
  const fixed = path.split(/\$\{[^}]*\}|\$\w+/).map((text) => text.replace(/^(?:\.?\/)+/, ''));
  const [first = '', ...rest] = fixed;
  const last = rest.pop();
  if (last === undefined) {
    return resolvePath('', path) === target;
  }
  const end = target.length - last.replace(/\/+$/, '').length;
  if (!target.startsWith(first) || !target.endsWith(last.replace(/\/+$/, '')) || end < first.length) {
    return false;
  }
  let at = first.length;
  for (const part of rest) {
    const found = target.indexOf(part, at);
    if (found < 0 || found + part.length > end) {
      return false;
    }
    at = found + part.length;
  }
  return true;
}
