import { z } from 'zod';

import { suggestName } from '#shared/common/suggest-name.ts';
import { VERSION } from '#shared/common/version.ts';

import { AWS_REGIONS } from './aws-regions.ts';
import { ROLE_ARN } from './role-arn.ts';

/** Names that are safe in Secrets Manager and as a path below the secrets folder. */
const SECRET_NAME = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9_+=.@-]+(?:\/[A-Za-z0-9_+=.@-]+)*$/u;
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u;
const ECR_REPOSITORY = /^(?:\*|[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?:\/\*)?)$/u;
const MAX_NAMESPACES = 100;
/** Inventory and lease: what is applied there by Git could take both away. */
const OWN_NAMESPACE = 'tidegate-system';
const APPROVALS =
  /^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*=[1-9]\d*(?:, ?[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*=[1-9]\d*)*$/u;

/** A text of one form; what is allowed is said to whoever writes another one, and in the reference of the settings. */
function textLike(form: RegExp | ((text: string) => boolean), allowed: string, max?: number) {
  const isLike = form instanceof RegExp ? (text: string) => form.test(text) : form;
  const text = max === undefined ? z.string() : z.string().max(max);
  return text.refine(isLike, `allowed: ${allowed}`).meta({ allowed });
}

const SecretName = textLike(SECRET_NAME, 'the name of a secret, such as tidegate/github/webhook-secret', 256);

const Region = z
  .string()
  .superRefine((region, context) => {
    if (AWS_REGIONS.includes(region)) return;
    const similar = suggestName(region, AWS_REGIONS);
    const hint = similar === undefined ? '' : `; did you mean ${similar}?`;
    const known = `a region of AWS that Tidegate ${VERSION} knows, such as eu-west-1`;
    context.addIssue({ code: 'custom', message: `allowed: ${known}${hint}` });
  })
  .meta({ allowed: 'a region of AWS such as eu-west-1' });

const ClusterName = textLike(DNS_LABEL, 'a name of lower-case letters, digits and "-" of at most 63 characters');

const InstallationName = textLike(DNS_LABEL, 'a name of lower-case letters, digits and "-" of at most 63 characters');

const Namespaces = z
  .array(
    textLike(DNS_LABEL, 'the name of a namespace').refine(
      (name) => name !== OWN_NAMESPACE,
      'allowed: a namespace of workloads; Tidegate keeps its own things in this one',
    ),
  )
  .min(1, 'found no namespace; allowed: at least one')
  .max(MAX_NAMESPACES, `found too many; allowed: at most ${MAX_NAMESPACES}, each costs a request a kind in every run`)
  .refine((names) => new Set(names).size === names.length, 'found a namespace twice; allowed: each once')
  .meta({ allowed: `a list of 1 to ${MAX_NAMESPACES} names of namespaces, each once` });

const RepositoryFolder = textLike(
  isInsideRepository,
  'a folder inside the repository such as ./clusters/production, without ".."',
  1024,
);

const GitUrl = textLike(isGitUrl, 'https://<host>/<owner>/<repository>, without credentials', 2048);

const ApiUrl = textLike(isHttpsUrl, 'https://api.github.com or https://<host>/api/v3', 2048);

const Branch = textLike(isBranchName, 'the name of a branch such as main, without refs/heads/', 255);

/** A rule on branch names can tell ours from people's by it. */
const BranchPrefix = textLike(
  (prefix) => prefix.length > 1 && isBranchName(`${prefix}x`),
  'what the branches of pull requests begin with, such as tidegate/',
  64,
);

const Kubeconfig = z.strictObject({
  context: z
    .string()
    .min(1)
    .describe('The context that names cluster and user. What it may do decides what Tidegate may do.'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('The kubeconfig, as seen from this file. Without it, the one that kubectl would use.'),
});

const CERTIFICATE_AUTHORITY = 'the certificate authority in base64, as `aws eks describe-cluster` prints it';

const Vpc = z.strictObject({
  id: textLike(/^vpc-[0-9a-f]{8,17}$/u, 'the id of a VPC such as vpc-0123456789abcdef0').describe('The VPC.'),
  subnets: z
    .array(textLike(/^subnet-[0-9a-f]{8,17}$/u, 'the id of a subnet such as subnet-0123456789abcdef0'))
    .min(1, 'found no subnet; allowed: at least one, in different availability zones')
    .meta({ allowed: 'a list of ids of subnets such as subnet-0123456789abcdef0, at least one' })
    .describe('Where the function runs; they have to reach the endpoint.'),
  clusterSecurityGroup: textLike(
    /^sg-[0-9a-f]{8,17}$/u,
    'the id of the security group that EKS made for the cluster, such as sg-0123456789abcdef0',
  )
    .optional()
    .describe(
      'The security group that EKS made for the cluster (`clusterSecurityGroupId` of `aws eks describe-cluster`): the stack lets the function in there. Without it, a person does, and takes the rule away before the cluster leaves the settings.',
    ),
  routeTables: z
    .array(textLike(/^rtb-[0-9a-f]{8,17}$/u, 'the id of a route table such as rtb-0123456789abcdef0'))
    .meta({ allowed: 'a list of ids of route tables such as rtb-0123456789abcdef0' })
    .default([])
    .describe('Those that get gateway endpoints for S3 and DynamoDB; none where the VPC has them already.'),
  reachesSts: z
    .boolean()
    .default(false)
    .describe('That the VPC reaches STS, by an interface endpoint or NAT; `roleArn` needs it.'),
});

const Eks = z.strictObject({
  name: textLike(/^[0-9A-Za-z][\w-]{0,99}$/u, 'the name that the cluster has in EKS').describe('Its name in EKS.'),
  region: Region.describe('Where it is; a stack is deployed for each region.'),
  endpoint: textLike(isHttpsUrl, 'the https:// endpoint of the cluster').describe('Its API server.'),
  certificateAuthority: z
    .base64(`allowed: ${CERTIFICATE_AUTHORITY}`)
    .min(1, `found nothing; allowed: ${CERTIFICATE_AUTHORITY}`)
    .meta({ allowed: CERTIFICATE_AUTHORITY })
    .describe('What signs for its API server.'),
  profile: z
    .enum(['platform', 'workload'], 'allowed: platform, workload')
    .default('platform')
    .describe(
      'What Tidegate may do in it: everything, or only what the namespaces of `namespaces` hold (`infra/rbac/*.yaml`).',
    ),
  roleArn: textLike(ROLE_ARN, 'the ARN of a role such as arn:aws:iam::123456789012:role/tidegate')
    .optional()
    .describe('A role of another account that is assumed; its access entry then counts.'),
  vpc: Vpc.optional().describe('Where the function of the cluster runs, when its endpoint is private.'),
});

const Cluster = z.strictObject({
  name: ClusterName.describe('Its name in Tidegate: in commit statuses, queues, branches and secrets.'),
  path: RepositoryFolder.describe('Its folder in the configuration repository, as `flux bootstrap` lays it out.'),
  kubeconfig: Kubeconfig.optional().describe(
    'How `tidegate serve` reaches it; `cdk deploy` leaves the cluster out. Exactly one of `kubeconfig` and `eks`.',
  ),
  eks: Eks.optional().describe(
    'The EKS cluster that the stack deploys to; `tidegate serve` leaves it out. `tidegate cluster add` writes it.',
  ),
  pruneGuard: z
    .strictObject({
      maxObjects: z
        .int()
        .min(0)
        .default(5)
        .describe('So many objects of a Kustomization are deleted without asking, whatever share they are.'),
      maxPercent: z
        .number()
        .min(0)
        .max(100)
        .default(20)
        .describe('More objects are deleted without asking only up to this share of the Kustomization.'),
    })
    .prefault({})
    .describe('When a prune waits for a person.'),
  approvePrune: textLike(
    APPROVALS,
    '"<namespace>/<kustomization>=<count>", such as flux-system/apps=12; several divided by commas',
  )
    .optional()
    .describe(
      'Approves prunes of the root Kustomization, or of any other, each good for exactly that count of objects.',
    ),
  namespaces: Namespaces.optional().describe(
    'Where alone Tidegate may work in the cluster; with `eks.profile: workload` it has to be said.',
  ),
});

const EcrRegistry = z.strictObject({
  account: textLike(/^\d{12}$/u, 'twelve digits in quotes, such as "123456789012"').describe('The AWS account.'),
  region: Region.describe('The region of the registry.'),
  repositories: z
    .array(textLike(ECR_REPOSITORY, 'the name of a repository, or a prefix such as team-a/*'))
    .min(1, 'found no repository; allowed: at least one name, or a prefix such as team-a/*')
    .meta({ allowed: 'a list of names of repositories, or prefixes such as team-a/*, at least one' })
    .describe('Which repositories are looked at, and pushes to which are heard.'),
});

/** `tidegate.yaml` as it is written. Strict: what is not known here is a mistake. Each key says what it is for. */
export const SettingsFile = z.strictObject({
  installation: InstallationName.default('default').describe(
    'What tells this installation from another one on the same cluster; give a name where there are two.',
  ),
  configRepository: z
    .strictObject({
      url: GitUrl.describe('Its address on GitHub or a GitHub Enterprise server, over HTTPS.'),
      branch: Branch.default('main').describe('What is deployed, and where pull requests go to.'),
    })
    .describe('The repository that describes the clusters.'),
  github: z
    .strictObject({
      apiUrl: ApiUrl.optional().describe(
        "GitHub's API. Without it, `https://api.<host>` for a repository on github.com or below ghe.com, and `https://<host>/api/v3` for one on another host, which is where GitHub Enterprise Server has it.",
      ),
      appId: z
        .int()
        .min(1)
        .optional()
        .describe('The id of the GitHub App, where the secret holds its private key alone. It may come with the key.'),
      privateKeySecret: SecretName.optional()
        .meta({ fallback: '"tidegate/github/private-key"' })
        .describe(
          "Name of the secret with the App's key: the private key (PEM), or JSON with `appId` and `privateKey`.",
        ),
      tokenSecret: SecretName.optional().describe(
        'Name of the secret with a token, in place of an App; its user is then the author of every change.',
      ),
      webhookSecret: SecretName.default('tidegate/github/webhook-secret').describe(
        'Name of the secret that GitHub signs deliveries with; a second line is the one before, during rotation.',
      ),
      branchPrefix: BranchPrefix.default('tidegate/').describe(
        'What the branches of pull requests begin with, where a rule of the repository wants names of a pattern.',
      ),
    })
    .prefault({})
    .describe('Whom Tidegate acts as on GitHub: an App, or the user of a token.'),
  registries: z
    .strictObject({
      ecr: z.array(EcrRegistry).default([]).describe('Registries of Amazon ECR.'),
    })
    .prefault({})
    .describe('Where image automation may look for new images.'),
  statuses: z
    .strictObject({
      withheldPrune: z
        .enum(['pending', 'failure'], 'allowed: pending, failure')
        .default('pending')
        .describe(
          'What the status of a Kustomization is while objects wait to be deleted until a person was asked. `failure` also stops a pull request whose checks have to pass.',
        ),
    })
    .prefault({})
    .describe('What commit statuses say.'),
  clusters: z
    .array(Cluster)
    .min(1, 'found no cluster; allowed: at least one, with name, path and kubeconfig or eks')
    .describe('The clusters, each with a folder of its own.'),
  serve: z
    .strictObject({
      address: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Where it listens. `0.0.0.0` for a proxy on another machine or in another container.'),
      port: z.int().min(0).max(65_535).default(8080).describe('Its port; 0 takes one that is free.'),
      stateFolder: z
        .string()
        .min(1)
        .default('.tidegate')
        .describe('One folder for queue, journal, artifacts and records, as seen from this file.'),
      secretsFolder: z
        .string()
        .min(1)
        .default('secrets')
        .describe('The folder with a file for each secret, as seen from this file.'),
      tickSeconds: z
        .int()
        .min(1)
        .max(3600)
        .default(60)
        .describe('How often it looks at everything again: for lost webhooks, drift and new images.'),
      publicUrl: textLike(isPublicUrl, 'https://<host> or https://<host>/<path>, without query', 2048)
        .optional()
        .describe(
          'Where people reach it, such as https://tidegate.example.com: commit statuses link to its pages (`/status/…`). Without it they link to address and port, which is right for a machine of your own.',
        ),
      ecrEventsQueueUrl: textLike(isHttpsUrl, 'the https:// URL of an SQS queue')
        .optional()
        .describe('A queue that EventBridge fills with events of ECR. Without it, a tick finds new images.'),
    })
    .prefault({})
    .describe('What only `tidegate serve` reads.'),
});
export type SettingsFile = z.infer<typeof SettingsFile>;

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function isLoopback(url: URL): boolean {
  return url.hostname === 'localhost' || url.hostname === '[::1]' || /^127(\.\d{1,3}){3}$/u.test(url.hostname);
}

function isHttpUrl(text: string): boolean {
  const url = parseUrl(text);
  if (url === undefined || url.username !== '' || url.password !== '') return false;
  return url.protocol === 'https:' || url.protocol === 'http:';
}

/** Plain HTTP is for stand-ins on this machine only: tokens and signed requests travel over it. */
function isHttpsUrl(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && isHttpUrl(text) && (url.protocol === 'https:' || isLoopback(url));
}

/** Where people's browsers go: what is said there is not secret, and a network of one's own may have no certificates. */
function isPublicUrl(text: string): boolean {
  const url = parseUrl(text);
  return url !== undefined && isHttpUrl(text) && url.search === '' && url.hash === '';
}

function isGitUrl(text: string): boolean {
  const url = parseUrl(text);
  return (
    url !== undefined &&
    isHttpsUrl(text) &&
    /^\/[^/]+\/[^/]+/u.test(url.pathname) &&
    url.search === '' &&
    url.hash === ''
  );
}

function isInsideRepository(path: string): boolean {
  return path !== '' && !path.startsWith('/') && !path.split('/').includes('..') && !/[\\\0]/u.test(path);
}

function isBranchName(name: string): boolean {
  if (name === '' || name.startsWith('refs/') || name.startsWith('-') || name.startsWith('/') || name.endsWith('/')) {
    return false;
  }
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u0020~^:?*[\\\u007f]|\.\.|@\{|\/\/|\.$|\.lock$/u.test(name);
}
