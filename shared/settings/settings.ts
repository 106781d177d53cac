/** `tidegate.yaml`, validated, defaults filled in. One file for `cdk deploy`, `tidegate serve` and the CLI. */
export interface Settings {
  /** What tells this installation from another one on the same cluster; `default` where there is only one. */
  readonly installation: string;
  readonly configRepository: { readonly url: string; readonly branch: string };
  readonly github: GitHubSettings;
  readonly registries: { readonly ecr: readonly EcrRegistry[] };
  /** How things are said beside commits. */
  readonly statuses: { readonly withheldPrune: 'pending' | 'failure' };
  readonly clusters: readonly ClusterSettings[];
  readonly serve: ServeSettings;
}

/** An App or a token: exactly one of `privateKeySecret` and `tokenSecret`. Secrets are named here, never held. */
export interface GitHubSettings {
  /** `https://api.github.com`, or `https://<host>/api/v3` for GitHub Enterprise. */
  readonly apiUrl: string;
  /** Absent where the App's id comes with its key. */
  readonly appId?: number;
  /** Name of the secret with the App's private key: PEM, or JSON with `appId` and `privateKey`. */
  readonly privateKeySecret?: string;
  /** Name of the secret with a token; its user is then the author of every change. */
  readonly tokenSecret?: string;
  /** Name of the secret with the webhook secret; a second line is the previous secret during rotation. */
  readonly webhookSecret: string;
  /** What the branches of pull requests begin with: `tidegate/`. */
  readonly branchPrefix: string;
}

export interface EcrRegistry {
  /** Twelve digits. */
  readonly account: string;
  readonly region: string;
  /** Exact names or `prefix/*`. */
  readonly repositories: readonly string[];
}

export interface ClusterSettings {
  readonly name: string;
  /** Folder in the configuration repository: `./clusters/production`. */
  readonly path: string;
  readonly target: ClusterTarget;
  readonly pruneGuard: { readonly maxObjects: number; readonly maxPercent: number };
  /** `"<namespace>/<kustomization>=<count>"`, for the root Kustomization. */
  readonly approvePrune?: string;
  /** Where alone Tidegate may work in the cluster: with the profile `workload`. Absent, it may everywhere. */
  readonly namespaces?: readonly string[];
}

export type ClusterTarget =
  | { readonly kind: 'kubeconfig'; readonly context: string; readonly file?: string }
  | {
      readonly kind: 'eks';
      readonly name: string;
      readonly region: string;
      readonly endpoint: string;
      readonly certificateAuthority: string;
      /** Which RBAC profile the access entry gives: everything, or the namespaces of the workloads. */
      readonly profile: 'platform' | 'workload';
      /** Role of another account that is assumed, and whose access entry counts. */
      readonly roleArn?: string;
      /** Where the function runs that reaches a private endpoint. */
      readonly vpc?: ClusterVpc;
    };

export interface ClusterVpc {
  readonly id: string;
  readonly subnets: readonly string[];
  /** Of the cluster, made by EKS: the stack lets the function in there. Absent: a person does. */
  readonly clusterSecurityGroup?: string;
  /** Route tables that get gateway endpoints for S3 and DynamoDB; none where the VPC has them already. */
  readonly routeTables: readonly string[];
  /** That there is a way to STS, where a role of another account is assumed: an interface endpoint, or NAT. */
  readonly reachesSts: boolean;
}

/** What only `tidegate serve` reads. */
export interface ServeSettings {
  readonly address: string;
  readonly port: number;
  /** One folder for queue, journal, artifacts and records. */
  readonly stateFolder: string;
  /** One file a secret: `<folder>/<name>`. */
  readonly secretsFolder: string;
  readonly tickSeconds: number;
  /** Where people reach it, if not at address and port: commit statuses link to its pages. */
  readonly publicUrl?: string;
  /** SQS queue that EventBridge fills with ECR events. Absent: the tick's scan finds new images. */
  readonly ecrEventsQueueUrl?: string;
}
