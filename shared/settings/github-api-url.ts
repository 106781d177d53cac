/** Where the GitHub that serves web pages at an origin has its API: github.com, GitHub Enterprise Cloud or Server. */
export function githubApiUrl(webOrigin: string): string {
  const { host, protocol } = new URL(webOrigin);
  const isCloud = host === 'github.com' || host.endsWith('.ghe.com');
  return isCloud ? `https://api.${host}` : `${protocol}//${host}/api/v3`;
}
