/** What the App may do: no more than the product uses. */
export const APP_PERMISSIONS = {
  contents: 'write',
  pull_requests: 'write',
  statuses: 'write',
  metadata: 'read',
} as const;

/** What the App is told of. */
export const APP_EVENTS = ['push', 'pull_request'] as const;

/** Never resolves, so that no delivery reaches anybody before the address is set. */
const NO_ADDRESS_YET = 'https://tidegate.invalid/webhook';
const LONGEST_NAME = 34;

/** What the App is made for. */
export interface AppPurpose {
  readonly owner: string;
  readonly configRepositoryUrl: string;
  readonly webhookUrl?: string;
}

/** The name that GitHub's form suggests; a person may change it there. */
export function suggestAppName(owner: string): string {
  return `Tidegate ${owner}`.slice(0, LONGEST_NAME).trim();
}

/** The manifest with which GitHub fills the form for a new App. */
export function buildAppManifest(purpose: AppPurpose, redirectUrl: string): Readonly<Record<string, unknown>> {
  return {
    name: suggestAppName(purpose.owner),
    url: purpose.configRepositoryUrl,
    description: 'Deploys from Git to Kubernetes with Tidegate.',
    redirect_url: redirectUrl,
    public: false,
    // GitHub makes a webhook secret only for an App that has a hook.
    hook_attributes: { url: purpose.webhookUrl ?? NO_ADDRESS_YET, active: true },
    default_permissions: APP_PERMISSIONS,
    default_events: APP_EVENTS,
  };
}
