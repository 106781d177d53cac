import type { Route } from './core.ts';

/** A route and what its template's names stand for in a path. */
export type Match = { readonly route: Route; readonly params: Readonly<Record<string, string>> };

const SPANS_SLASHES = new Set(['ref', 'path', 'basehead', 'branch']);

type Compiled = { readonly route: Route; readonly pattern: RegExp; readonly names: readonly string[] };

function compile(route: Route): Compiled {
  const names: string[] = [];
  const source = route.template.replace(
    /\{(\w+)\}|([.*+?^$()|[\]\\])/g,
    (_, name: string | undefined, plain: string) => {
      if (name === undefined) return `\\${plain}`;
      names.push(name);
      return SPANS_SLASHES.has(name) ? '(.+)' : '([^/]+)';
    },
  );
  return { route, pattern: new RegExp(`^${source}$`), names };
}

function literalLength(route: Route): number {
  return route.template.replace(/\{\w+\}/g, '').length;
}

/** Makes a matcher of paths; the template with more fixed text wins. */
export function makeMatcher(routes: readonly Route[]): (method: string, path: string) => Match | null {
  const compiled = [...routes].sort((one, other) => literalLength(other) - literalLength(one)).map(compile);
  return (method, path) => {
    for (const { route, pattern, names } of compiled) {
      if (route.method !== method) continue;
      const found = pattern.exec(path);
      if (found === null) continue;
      try {
        const params = Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(found[at + 1] ?? '')]));
        return { route, params };
      } catch {
        // A path that is not valid percent-encoding names nothing.
        return null;
      }
    }
    return null;
  };
}
