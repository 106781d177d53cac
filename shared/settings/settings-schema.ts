import { z } from 'zod';

/** Names that are safe in Secrets Manager and as a path below the secrets folder. */
const SECRET_NAME = /^(?!.*(?:^|\/)\.{1,2}(?:\/|$))[A-Za-z0-9_+=.@-]+(?:\/[A-Za-z0-9_+=.@-]+)*$/u;
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/u;
const REGION = /^[a-z]{2,3}(-[a-z]+)+-\d{1,2}$/u;
const ECR_REPOSITORY = /^(?:\*|[a-z0-9]+(?:[._/-]+[a-z0-9]+)*(?:\/\*)?)$/u;
const ROLE_ARN = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]{1,512}$/u;
const MAX_NAMESPACES = 100;
/** Inventory and lease: what is applied there by Git could take both away. */
const OWN_NAMESPACE = 'tidegate-system';
const APPROVAL = /^[a-z0-9][a-z0-9.-]*\/[a-z0-9][a-z0-9.-]*=[1-9]\d*$/u;

const SecretName = z
  .string()
  .max(256)
  .regex(SECRET_NAME, 'allowed: the name of a secret, such as tidegate/github/webhook-secret');
const Region = z.string().regex(REGION, 'allowed: an AWS region such as eu-west-1');

const ClusterName = z
  .string()
  .regex(DNS_LABEL, 'allowed: a name of lower-case letters, digits and "-" of at most 63 characters');

const InstallationName = z
  .string()
  .regex(DNS_LABEL, 'allowed: a name of lower-case letters, digits and "-" of at most 63 characters');

const Namespaces = z
  .array(
    z
      .string()
      .regex(DNS_LABEL, 'allowed: the name of a namespace')
      .refine(
        (name) => name !== OWN_NAMESPACE,
        'allowed: a namespace of workloads; Tidegate keeps its own things in this one',
      ),
  )
  .min(1, 'found no namespace; allowed: at least one')
  .max(MAX_NAMESPACES, `found too many; allowed: at most ${MAX_NAMESPACES}, each costs a request a kind in every run`)
  .refine((names) => new Set(names).size === names.length, 'found a namespace twice; allowed: each once');

const RepositoryFolder = z
  .string()
  .max(1024)
  .refine(isInsideRepository, 'allowed: a folder inside the repository such as ./clusters/production, without ".."');

const GitUrl = z
  .string()
  .max(2048)
  .refine(isGitUrl, 'allowed: https://<host>/<owner>/<repository>, without credentials');

const ApiUrl = z.string().max(2048).refine(isHttpsUrl, 'allowed: https://api.github.com or https://<host>/api/v3');

const Branch = z
  .string()
  .max(255)
  .refine(isBranchName, 'allowed: the name of a branch such as main, without refs/heads/');

const Kubeconfig = z.strictObject({ context: z.string().min(1), file: z.string().min(1).optional() });

const Vpc = z.strictObject({
  id: z.string().regex(/^vpc-[0-9a-f]{8,17}$/u, 'allowed: the id of a VPC such as vpc-0123456789abcdef0'),
  subnets: z
    .array(z.string().regex(/^subnet-[0-9a-f]{8,17}$/u, 'allowed: the id of a subnet such as subnet-0123456789abcdef0'))
    .min(1, 'found no subnet; allowed: at least one, in different availability zones'),
  routeTables: z
    .array(z.string().regex(/^rtb-[0-9a-f]{8,17}$/u, 'allowed: the id of a route table such as rtb-0123456789abcdef0'))
    .default([]),
  reachesSts: z.boolean().default(false),
});

const Eks = z.strictObject({
  name: z.string().regex(/^[0-9A-Za-z][\w-]{0,99}$/u, 'allowed: the name that the cluster has in EKS'),
  region: Region,
  endpoint: z.string().refine(isHttpsUrl, 'allowed: the https:// endpoint of the cluster'),
  certificateAuthority: z
    .base64('allowed: the certificate authority in base64, as `aws eks describe-cluster` prints it')
    .min(1, 'found nothing; allowed: the certificate authority in base64, as `aws eks describe-cluster` prints it'),
  profile: z.enum(['platform', 'workload'], 'allowed: platform, workload').default('platform'),
  roleArn: z
    .string()
    .regex(ROLE_ARN, 'allowed: the ARN of a role such as arn:aws:iam::123456789012:role/tidegate')
    .optional(),
  vpc: Vpc.optional(),
});

const Cluster = z.strictObject({
  name: ClusterName,
  path: RepositoryFolder,
  kubeconfig: Kubeconfig.optional(),
  eks: Eks.optional(),
  pruneGuard: z
    .strictObject({ maxObjects: z.int().min(0).default(5), maxPercent: z.number().min(0).max(100).default(20) })
    .prefault({}),
  approvePrune: z
    .string()
    .regex(APPROVAL, 'allowed: "<namespace>/<kustomization>=<count>", such as flux-system/apps=12')
    .optional(),
  namespaces: Namespaces.optional(),
});

/** `tidegate.yaml` as it is written. Strict: what is not known here is a mistake. */
export const SettingsFile = z.strictObject({
  installation: InstallationName.default('default'),
  configRepository: z.strictObject({ url: GitUrl, branch: Branch.default('main') }),
  github: z
    .strictObject({
      apiUrl: ApiUrl.optional(),
      appId: z.int().min(1).optional(),
      privateKeySecret: SecretName.optional(),
      tokenSecret: SecretName.optional(),
      webhookSecret: SecretName.default('tidegate/github/webhook-secret'),
    })
    .prefault({}),
  registries: z
    .strictObject({
      ecr: z
        .array(
          z.strictObject({
            account: z.string().regex(/^\d{12}$/u, 'allowed: twelve digits in quotes, such as "123456789012"'),
            region: Region,
            repositories: z
              .array(
                z.string().regex(ECR_REPOSITORY, 'allowed: the name of a repository, or a prefix such as team-a/*'),
              )
              .min(1, 'found no repository; allowed: at least one name, or a prefix such as team-a/*'),
          }),
        )
        .default([]),
    })
    .prefault({}),
  clusters: z.array(Cluster).min(1, 'found no cluster; allowed: at least one, with name, path and kubeconfig or eks'),
  serve: z
    .strictObject({
      address: z.string().min(1).default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8080),
      stateFolder: z.string().min(1).default('.tidegate'),
      secretsFolder: z.string().min(1).default('secrets'),
      tickSeconds: z.int().min(1).max(3600).default(60),
      ecrEventsQueueUrl: z.string().refine(isHttpsUrl, 'allowed: the https:// URL of an SQS queue').optional(),
    })
    .prefault({}),
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
  if (name === '' || name.startsWith('refs/') || name.startsWith('-') || name.startsWith('/') || name.endsWith('/'))
    return false;
  // oxlint-disable-next-line no-control-regex
  return !/[\u0000-\u0020~^:?*[\\\u007f]|\.\.|@\{|\/\/|\.$|\.lock$/u.test(name);
}
