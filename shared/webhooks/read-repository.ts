import { readText } from './read-payload.ts';

/** The address of a payload's repository, without `.git`: `https://github.com/acme/fleet-infra`. */
export function readRepository(repository: unknown): string | undefined {
  const url = readText(repository, 'html_url', /^https?:\/\/\S+$/u);
  return url !== undefined && URL.canParse(url) ? url.replace(/\.git$/u, '') : undefined;
}
