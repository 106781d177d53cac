import { createHash } from 'node:crypto';
import { posix } from 'node:path';

/** Stands for whoever made an inventory before installations had an identity. */
export const UNKNOWN_IDENTITY = 'unknown';
/** In the cluster: on whose behalf an inventory, or a name, is kept. */
const REPOSITORY_ANNOTATION = 'tidegate.dev/repository';
const BRANCH_ANNOTATION = 'tidegate.dev/branch';
const SINCE_ANNOTATION = 'tidegate.dev/installed-at';
const PATH_ANNOTATION = 'tidegate.dev/path';
const IDENTITY_LENGTH = 32;

/** Where an installation reads what one cluster should be. */
export interface ConfigurationPlace {
  readonly repository: string;
  readonly branch: string;
  readonly path: string;
}

/** One installation of Tidegate as one cluster knows it. */
export interface Installation {
  /** As the settings say; it is part of the ids of its sets. */
  readonly name: string;
  /** Made once; it stays when the repository is renamed or the settings lead to another place. */
  readonly identity: string;
  readonly place: ConfigurationPlace;
  /** Whose inventory under this name became its own, said on purpose. */
  readonly adopted: readonly string[];
  /** When it came to a cluster of which it knew nothing, by the server's clock: what is older was applied by somebody else. */
  readonly since?: string;
}

/** The identity of an installation that has none yet: the same place gives the same, so one that lost all its memory finds itself again. */
export function makeIdentity(place: ConfigurationPlace): string {
  return createHash('sha256')
    .update(JSON.stringify(normalizePlace(place)))
    .digest('hex')
    .slice(0, IDENTITY_LENGTH);
}

/** Whether two places are one, however their addresses are spelt. */
export function samePlace(one: ConfigurationPlace | undefined, other: ConfigurationPlace | undefined): boolean {
  if (one === undefined || other === undefined) return false;
  return JSON.stringify(normalizePlace(one)) === JSON.stringify(normalizePlace(other));
}

/** `https://github.com/acme/fleet-infra, branch main, ./clusters/production`, for people. */
export function describePlace(place: ConfigurationPlace | undefined): string {
  return place === undefined
    ? 'a configuration that is not known'
    : `${place.repository}, branch ${place.branch}, ${place.path}`;
}

/** The place as annotations carry it. */
export function placeAnnotations(place: ConfigurationPlace): Readonly<Record<string, string>> {
  return {
    [REPOSITORY_ANNOTATION]: place.repository,
    [BRANCH_ANNOTATION]: place.branch,
    [PATH_ANNOTATION]: place.path,
  };
}

/** Since when, as annotations carry it. */
export function sinceAnnotation(since: string | undefined): Readonly<Record<string, string>> {
  return since === undefined ? {} : { [SINCE_ANNOTATION]: since };
}

/** @returns what `sinceAnnotation` wrote. */
export function readSince(annotations: Readonly<Record<string, string>>): { readonly since?: string } {
  const since = annotations[SINCE_ANNOTATION];
  return since === undefined || since === '' ? {} : { since };
}

/** @returns undefined when a part of it is missing. */
export function readPlace(annotations: Readonly<Record<string, string>>): ConfigurationPlace | undefined {
  const [repository, branch, path] = [REPOSITORY_ANNOTATION, BRANCH_ANNOTATION, PATH_ANNOTATION].map(
    (key) => annotations[key],
  );
  return repository === undefined || branch === undefined || path === undefined
    ? undefined
    : { repository, branch, path };
}

function normalizePlace({ repository, branch, path }: ConfigurationPlace): readonly string[] {
  return [normalizeRepository(repository), branch, posix.join('/', path).replace(/(?<=.)\/$/u, '')];
}

/** `github.com/acme/fleet-infra`: GitHub knows no case, and one repository by HTTPS, by SSH, with and without `.git`. */
function normalizeRepository(url: string): string {
  const [, scpHost, scpPath] = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)(.+)$/u.exec(url) ?? [];
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const [host, path] =
    parsed !== undefined && parsed.host !== ''
      ? [parsed.protocol === 'ssh:' ? parsed.hostname : parsed.host, parsed.pathname]
      : [scpHost ?? '', scpPath ?? url];
  const name = path
    .split('/')
    .filter((part) => part !== '')
    .join('/')
    .toLowerCase();
  return `${host.toLowerCase()}/${name.endsWith('.git') ? name.slice(0, -'.git'.length) : name}`;
}
