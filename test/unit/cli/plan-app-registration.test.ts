import { describe, expect, it } from 'vitest';

import { APP_EVENTS, APP_PERMISSIONS, buildAppManifest } from '#cli/app-manifest.ts';
import type { AppRegistration, WantedApp } from '#cli/plan-app-registration.ts';
import { planAppRegistration } from '#cli/plan-app-registration.ts';

const EKS = 'endpoint: "https://a.example.com", certificateAuthority: AAAA';

function settings(
  options: { readonly url?: string; readonly regions?: readonly string[]; readonly github?: string } = {},
) {
  const { url = 'https://github.com/acme/fleet-infra', regions = [], github = '' } = options;
  const clusters = regions.map(
    (region, at) => `{ name: c${at}, path: ./c${at}, eks: { name: c, region: ${region}, ${EKS} } }`,
  );
  const all = ['{ name: laptop, path: ./clusters/laptop, kubeconfig: { context: kind } }', ...clusters];
  return `configRepository: { url: "${url}" }\n${github}clusters: [ ${all.join(', ')} ]\n`;
}

function plan(text: string, wanted: Partial<WantedApp> = {}): AppRegistration {
  const planned = planAppRegistration(text, 'tidegate.yaml', { replace: false, ...wanted });
  if (planned.outcome === 'refused') throw new Error(planned.problems.join('\n'));
  return planned.registration;
}

describe('planning the registration of an App', () => {
  it.each([
    [
      'github.com',
      'https://github.com/acme/fleet-infra',
      {},
      'https://github.com/settings/apps/new',
      'https://api.github.com',
    ],
    [
      'an organization',
      'https://github.com/acme/fleet-infra',
      { organization: 'acme' },
      'https://github.com/organizations/acme/settings/apps/new',
      'https://api.github.com',
    ],
    [
      'a server of its own',
      'https://git.acme.com/acme/fleet-infra',
      {},
      'https://git.acme.com/settings/apps/new',
      'https://git.acme.com/api/v3',
    ],
    [
      'another server',
      'https://git.acme.com/acme/fleet-infra',
      { githubUrl: 'https://github.com' },
      'https://github.com/settings/apps/new',
      'https://api.github.com',
    ],
  ])('goes to the pages and the API of %s', (_, url, wanted, registerUrl, apiUrl) => {
    expect(plan(settings({ url }), wanted)).toMatchObject({ registerUrl, apiUrl });
  });

  it('keeps secrets in each region with a cluster, and in a folder when no cluster is in AWS', () => {
    expect(plan(settings({ regions: ['eu-west-1', 'us-east-1', 'eu-west-1'] }))).toMatchObject({
      secrets: 'secrets-manager',
      regions: ['eu-west-1', 'us-east-1'],
    });
    expect(plan(settings()).secrets).toBe('folder');
    expect(plan(settings({ regions: ['eu-west-1'] }), { secrets: 'folder' }).secrets).toBe('folder');
  });

  it('takes the names of the secrets from the settings', () => {
    expect(plan(settings({ github: 'github: { webhookSecret: team/hook }\n' }))).toMatchObject({
      privateKeySecret: 'tidegate/github/private-key',
      webhookSecret: 'team/hook',
    });
    expect(plan(settings({ github: 'github: { privateKeySecret: team/key }\n' })).privateKeySecret).toBe('team/key');
  });

  it.each(['http://example.com/webhook', 'https://user:pass@example.com/webhook', 'example.com', 'file:///etc/passwd'])(
    'refuses %s as an address of the webhook, without repeating it',
    (webhookUrl) => {
      expect(planAppRegistration(settings(), 'tidegate.yaml', { replace: false, webhookUrl })).toEqual({
        outcome: 'refused',
        problems: ['--webhook-url: allowed: the https:// address of the webhook'],
      });
    },
  );
});

describe('the manifest of the App', () => {
  it('asks for what the product uses and for nothing else', () => {
    const purpose = { owner: 'acme', configRepositoryUrl: 'https://github.com/acme/fleet-infra' };

    expect(buildAppManifest(purpose, 'http://127.0.0.1:1/created')).toMatchObject({
      public: false,
      redirect_url: 'http://127.0.0.1:1/created',
      default_permissions: APP_PERMISSIONS,
      default_events: APP_EVENTS,
    });
    expect(APP_PERMISSIONS).toEqual({ contents: 'write', pull_requests: 'write', statuses: 'write', metadata: 'read' });
    expect(APP_EVENTS).toEqual(['push', 'pull_request']);
  });

  it('suggests a name that GitHub takes, however long the owner is', () => {
    const purpose = { owner: 'a'.repeat(39), configRepositoryUrl: 'https://github.com/a/b' };

    expect(String(buildAppManifest(purpose, '')['name'])).toHaveLength(34);
  });
});
