import { APP_EVENTS, APP_PERMISSIONS, suggestAppName } from './app-manifest.ts';
import type { AppRegistration } from './plan-app-registration.ts';

const PERMISSION_NAMES = {
  contents: 'Contents',
  pull_requests: 'Pull requests',
  statuses: 'Commit statuses',
  metadata: 'Metadata',
} as const satisfies Record<keyof typeof APP_PERMISSIONS, string>;
const EVENT_NAMES = { push: 'Push', pull_request: 'Pull request' } as const;
const ACCESS = { read: 'Read-only', write: 'Read and write' } as const;

/** Each step of registering the App by hand, with the values to type. */
export function describeAppSteps(
  registration: AppRegistration,
  { config, webhookUrl }: { readonly config: string; readonly webhookUrl?: string },
): string {
  const { registerUrl, owner, settings } = registration;
  const permissions = Object.entries(PERMISSION_NAMES).map(
    ([key, name]) => `     ${name}: ${ACCESS[APP_PERMISSIONS[key as keyof typeof APP_PERMISSIONS]]}`,
  );
  const steps = [
    [`Open ${registerUrl}`],
    [
      'Fill in',
      `     GitHub App name: ${suggestAppName(owner)}`,
      `     Homepage URL: ${settings.configRepository.url}`,
      `     Webhook: Active; Webhook URL: ${webhookUrl ?? 'the WebhookUrl that cdk deploy prints, or the address of tidegate serve'}`,
      '     Webhook secret: a long random text, such as `openssl rand -hex 32` prints',
    ],
    ['Under "Repository permissions" choose exactly', ...permissions],
    [`Under "Subscribe to events" choose: ${APP_EVENTS.map((event) => EVENT_NAMES[event]).join(', ')}`],
    ['Choose "Only on this account", then "Create GitHub App"; note the App ID'],
    ['Under "Private keys" choose "Generate a private key"; the browser saves a .pem file'],
    [
      'Put App ID and key into one file',
      `     node -p 'JSON.stringify({ appId: <App ID>, privateKey: fs.readFileSync("<the .pem file>", "utf8") })' > key.json`,
    ],
    ['Put the secrets in place', ...secretSteps(registration)],
    ['Delete the .pem file and the files with key and webhook secret wherever else they are'],
    ...(settings.github.appId === undefined
      ? []
      : [[`Take github.appId out of ${config}: the App ID comes with the key`]]),
    [`Under "Install App" install it on ${settings.configRepository.url} and what else it names`],
  ];
  return steps.map(([first = '', ...others], index) => [`${index + 1}. ${first}`, ...others, ''].join('\n')).join('');
}

function secretSteps(registration: AppRegistration): readonly string[] {
  const { secrets, settings, privateKeySecret, webhookSecret, regions } = registration;
  if (secrets === 'folder') {
    const folder = settings.serve.secretsFolder;
    return [
      `     key.json as ${folder}/${privateKeySecret}`,
      `     the webhook secret as ${folder}/${webhookSecret}`,
      '     with mode 600',
    ];
  }
  const places = regions.length === 0 ? [''] : regions.map((region) => ` --region ${region}`);
  return places.flatMap((place) => [
    `     aws secretsmanager put-secret-value${place} --secret-id ${privateKeySecret} --secret-string file://key.json`,
    `     aws secretsmanager put-secret-value${place} --secret-id ${webhookSecret} --secret-string file://<a file with the webhook secret>`,
  ]);
}
