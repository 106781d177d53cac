import { TidegateError } from '#shared/common/tidegate-error.ts';

/**
 * The HTTP(S) address a source is read from.
 * SSH addresses of GitHub, and of the GitHub server in the settings, become HTTPS: they are read with the App's token.
 * @throws TidegateError `URLInvalid` (stall) that says what to write instead and never repeats credentials.
 */
export function normalizeSourceUrl(url: string, githubApiUrl: string): string {
  const ssh = parseSshUrl(url);
  if (ssh !== undefined) return sshToHttps(ssh, githubApiUrl);
  const parsed = parseUrl(url);
  if (parsed === undefined) throw invalid('source URL is no URL; write https://<host>/<path>');
  if (parsed.protocol !== 'https:' && parsed.protocol !== 'http:') {
    throw invalid(`source URL has scheme "${parsed.protocol.slice(0, -1)}"; allowed are https and http`);
  }
  if (parsed.username !== '' || parsed.password !== '') {
    throw invalid(
      `source URL of host ${parsed.host} holds credentials; remove them from the URL and name a Secret in spec.secretRef`,
    );
  }
  if (parsed.search !== '' || parsed.hash !== '') {
    throw invalid(`source URL of host ${parsed.host} holds a query or fragment; write the repository's address alone`);
  }
  const path = parsed.pathname.replace(/\/+$/, '');
  if (path === '') throw invalid(`source URL ${parsed.origin} names no repository; write ${parsed.origin}/<path>`);
  return `${parsed.origin}${path}`;
}

/**
 * The form in which a push and a source are compared: case and `.git` aside.
 * Too loose to tell two repositories of one host apart for certain, so good for hints only.
 */
export function comparableUrl(url: string): string {
  const parsed = parseUrl(url);
  const text = parsed === undefined ? url : `${parsed.origin}${parsed.pathname}`;
  return text
    .toLowerCase()
    .replace(/\/+$/, '')
    .replace(/\.git$/, '');
}

/** Where repositories of the GitHub behind an API address are browsed and cloned: `https://github.com`. */
export function githubWebOrigin(apiUrl: string): string {
  const parsed = parseUrl(apiUrl);
  if (parsed === undefined) return 'https://github.com';
  if (parsed.pathname.startsWith('/api/v3')) return parsed.origin;
  return `${parsed.protocol}//${parsed.host.replace(/^api\./, '')}`;
}

interface SshAddress {
  readonly host: string;
  readonly path: string;
}

function parseSshUrl(url: string): SshAddress | undefined {
  if (/^(?:git\+)?ssh:\/\//i.test(url)) {
    const parsed = parseUrl(url.replace(/^git\+/i, ''));
    return parsed === undefined
      ? { host: '', path: '' }
      : { host: parsed.hostname.toLowerCase(), path: trimSlashes(parsed.pathname) };
  }
  const scp = /^(?:[^@/:\s]+@)(?<host>[^/:\s]+):(?!\/\/)(?<path>\S+)$/.exec(url);
  const host = scp?.groups?.['host'];
  const path = scp?.groups?.['path'];
  return host === undefined || path === undefined ? undefined : { host: host.toLowerCase(), path: trimSlashes(path) };
}

function sshToHttps(address: SshAddress, githubApiUrl: string): string {
  const ownRepository = /^[^/]+\/[^/]+$/.test(address.path);
  if (ownRepository && (address.host === 'github.com' || address.host === 'ssh.github.com')) {
    return `https://github.com/${address.path}`;
  }
  const origin = githubWebOrigin(githubApiUrl);
  if (ownRepository && address.host === new URL(origin).hostname.toLowerCase()) return `${origin}/${address.path}`;
  const instead = address.host === '' ? 'https://<host>/<path>' : `https://${address.host}/${address.path}`;
  throw invalid(`source URL uses SSH, which is read only from GitHub; write ${instead}`);
}

function trimSlashes(path: string): string {
  return path.replace(/^\/+|\/+$/g, '');
}

function parseUrl(url: string): URL | undefined {
  return URL.canParse(url) ? new URL(url) : undefined;
}

function invalid(message: string): TidegateError {
  return new TidegateError('URLInvalid', message, { disposition: 'stall' });
}
