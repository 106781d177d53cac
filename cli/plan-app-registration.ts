import { formatProblem } from '#shared/common/problem.ts';
import { eksClusters } from '#shared/settings/eks-clusters.ts';
import { githubApiUrl } from '#shared/settings/github-api-url.ts';
import { parseSettings } from '#shared/settings/parse-settings.ts';
import type { Settings } from '#shared/settings/settings.ts';

/** What the person asked for. */
export interface WantedApp {
  readonly organization?: string;
  readonly githubUrl?: string;
  readonly webhookUrl?: string;
  readonly secrets?: 'folder' | 'secrets-manager';
  readonly replace: boolean;
}

/** Everything that is decided before GitHub is asked for anything. */
export interface AppRegistration {
  readonly settings: Settings;
  /** The account that the App is made for, as far as the settings tell. */
  readonly owner: string;
  readonly githubUrl: string;
  readonly apiUrl: string;
  /** The page that takes the manifest. */
  readonly registerUrl: string;
  readonly secrets: 'folder' | 'secrets-manager';
  /** Regions in which Secrets Manager is filled; none for those that the environment names. */
  readonly regions: readonly string[];
  readonly privateKeySecret: string;
  readonly webhookSecret: string;
}

export type PlannedRegistration =
  | { readonly outcome: 'planned'; readonly registration: AppRegistration }
  | { readonly outcome: 'refused'; readonly problems: readonly string[] };

const ORGANIZATION = /^[a-z\d](?:[a-z\d-]{0,38})$/iu;

/** Decides where an App is registered and where its secrets go, or says why the settings cannot take it. */
export function planAppRegistration(text: string, file: string, wanted: WantedApp): PlannedRegistration {
  const wrong = checkOptions(wanted);
  if (wrong.length > 0) return { outcome: 'refused', problems: wrong };
  const parsed = parseSettings(text, file);
  if (parsed.outcome === 'invalid') return { outcome: 'refused', problems: parsed.problems.map(formatProblem) };
  const { appId, tokenSecret } = parsed.settings.github;
  if (appId !== undefined && !wanted.replace) {
    return refuse(`${file}: github.appId is ${appId} already; give --replace to put another App in its place`);
  }
  if (tokenSecret !== undefined) return refuse(`${file}: github.tokenSecret is set; take it out, an App needs none`);
  return { outcome: 'planned', registration: toRegistration(parsed.settings, wanted) };
}

function toRegistration(settings: Settings, wanted: WantedApp): AppRegistration {
  const repository = new URL(settings.configRepository.url);
  const githubUrl = wanted.githubUrl === undefined ? repository.origin : new URL(wanted.githubUrl).origin;
  const clusters = eksClusters(settings);
  const page = wanted.organization === undefined ? 'settings' : `organizations/${wanted.organization}/settings`;
  return {
    settings,
    owner: wanted.organization ?? repository.pathname.split('/')[1] ?? '',
    githubUrl,
    apiUrl: githubUrl === repository.origin ? settings.github.apiUrl : githubApiUrl(githubUrl),
    registerUrl: `${githubUrl}/${page}/apps/new`,
    secrets: wanted.secrets ?? (clusters.length > 0 ? 'secrets-manager' : 'folder'),
    regions: [...new Set(clusters.map(({ target }) => target.region))],
    privateKeySecret: settings.github.privateKeySecret ?? '',
    webhookSecret: settings.github.webhookSecret,
  };
}

function checkOptions({ organization, githubUrl, webhookUrl }: WantedApp): readonly string[] {
  const name = JSON.stringify(organization);
  return [
    ...(organization === undefined || ORGANIZATION.test(organization)
      ? []
      : [`--organization: found ${name}; allowed: the login of an organization such as acme`]),
    ...(isSafeUrl(githubUrl) ? [] : [`--github-url: allowed: https://<host>, such as https://github.com`]),
    ...(isSafeUrl(webhookUrl) ? [] : [`--webhook-url: allowed: the https:// address of the webhook`]),
  ];
}

/** Plain HTTP only to this machine; credentials nowhere. */
function isSafeUrl(text: string | undefined): boolean {
  if (text === undefined) return true;
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  const isLoopback = hostname === 'localhost' || hostname === '127.0.0.1';
  return username === '' && password === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback));
}

function refuse(problem: string): PlannedRegistration {
  return { outcome: 'refused', problems: [problem] };
}
