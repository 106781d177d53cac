/**
 * Whether a path can lead to a folder once its variables, of which nothing is known, are filled in. Slashes say nothing: a
 * variable may bring any of them, or none.
 */
export function mayExpandTo(path: string, folder: string): boolean {
  if (path.includes('..')) return true;
  const target = withoutSlashes(folder);
  const [first = '', ...rest] = path.split(/\$\{[^}]*\}|\$\w+/).map(withoutSlashes);
  const last = rest.pop();
  if (last === undefined) return first === target;
  const end = target.length - last.length;
  if (!target.startsWith(first) || !target.endsWith(last) || end < first.length) return false;
  let at = first.length;
  for (const part of rest) {
    const found = target.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
}

function withoutSlashes(text: string): string {
  return text
    .split('/')
    .filter((part) => part !== '.')
    .join('');
}
