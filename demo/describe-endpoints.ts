/** What is still running after the story, as far as somebody can look at it. */
export interface Endpoints {
  readonly kubectl: string;
  /** The flags with which kubectl reaches the cluster. */
  readonly reach: readonly string[];
  readonly userToken: string;
  readonly apiUrl: string;
  /** `acme/fleet-infra`. */
  readonly repository: string;
  readonly repositoryUrl: string;
  readonly serveUrl: string;
  readonly configFile: string;
  readonly logFile: string;
}

/** How to look around, in commands that a shell takes as they stand; `NUMBER` is for the reader to fill in. */
export function describeEndpoints(at: Endpoints): readonly string[] {
  const pulls = `${at.apiUrl}/repos/${at.repository}/pulls`;
  const folder = at.repository.split('/').at(-1) ?? '';
  const clone = at.repositoryUrl.replace('://', `://x-access-token:${at.userToken}@`);
  const curl = (...args: readonly string[]): string =>
    ['curl', '-sS', ...['-H', `Authorization: Bearer ${at.userToken}`, ...args].map(quote)].join(' ');
  const proposal = JSON.stringify({ title: 'Try it', head: 'try-it', base: 'main' });
  return [
    'Everything is still running. Look around:',
    `  ${[at.kubectl, ...at.reach, 'get', 'deployments', '--all-namespaces'].map(quote).join(' ')}`,
    `  ${['curl', '-sS', `${at.serveUrl}/healthz`].map(quote).join(' ')}`,
    `  ${curl(`${pulls}?state=all`)}`,
    'Change something by a pull request:',
    `  git clone ${quote(clone)} ${quote(folder)}`,
    `  git -C ${quote(folder)} switch -c try-it`,
    '  (edit a file there, such as apps/podinfo/config-map.yaml)',
    `  git -C ${quote(folder)} commit -am ${quote('Try it')}`,
    `  git -C ${quote(folder)} push origin try-it`,
    `  ${curl('-X', 'POST', '-d', proposal, pulls)}`,
    'and merge it, by the "number" that the answer has:',
    `  ${curl('-X', 'PUT', `${pulls}/NUMBER/merge`)}`,
    `Settings: ${at.configFile}`,
    `Log:      ${at.logFile}`,
    'Ctrl-C ends all of it.',
  ];
}

/** A word for a shell: as it is where nothing in it means anything to one. */
function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
