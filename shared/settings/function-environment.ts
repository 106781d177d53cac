// zod/mini: the webhook reads its environment too, and has to start fast.
import * as z from 'zod/mini';
import { TidegateError } from '#shared/errors/tidegate-error.ts';

const Value = z.string().check(z.minLength(1));
/** Set, but possibly to nothing: every variable is in every function's environment, so that none is forgotten. */
const OptionalValue = z.pipe(
  z.string(),
  z.transform((value) => (value === '' ? undefined : value)),
);
/** Names with commas between; nothing is absent, never a list of none. */
const OptionalNames = z.pipe(
  z.string(),
  z.transform((value) => (value === '' ? undefined : value.split(','))),
);
const WholeNumber = z.pipe(z.string().check(z.regex(/^\d+$/u)), z.transform(Number));

/** What `github-webhook` is told: names and addresses, never secrets. */
export const GithubWebhookEnvironment = z.object({
  WEBHOOK_SECRET_NAME: Value,
  SOURCE_SYNC_QUEUE_URL: Value,
  IMAGE_UPDATE_QUEUE_URL: Value,
});

/** What `source-sync` is told besides `tidegate.yaml`, which lies beside its code. */
export const SourceSyncEnvironment = z.object({ JOURNAL_TABLE: Value, ARTIFACT_BUCKET: Value });

/** What `image-update` is told besides `tidegate.yaml`. */
export const ImageUpdateEnvironment = z.object({ JOURNAL_TABLE: Value });

/** What `notify` is told besides `tidegate.yaml`; the queues of the clusters are siblings of source-sync's. */
export const NotifyEnvironment = z.object({ SOURCE_SYNC_QUEUE_URL: Value, IMAGE_UPDATE_QUEUE_URL: Value });

/** What the `reconcile` of one cluster is told: it reads no file of settings, and knows no other cluster. */
export const ReconcileEnvironment = z.object({
  JOURNAL_TABLE: Value,
  ARTIFACT_BUCKET: Value,
  KUBECTL: Value,
  CLUSTER_NAME: Value,
  CLUSTER_PATH: Value,
  PRUNE_MAX_OBJECTS: WholeNumber,
  PRUNE_MAX_PERCENT: z.pipe(z.string().check(z.regex(/^\d+(?:\.\d+)?(?:e-\d+)?$/u)), z.transform(Number)),
  APPROVE_PRUNE: OptionalValue,
  NAMESPACES: OptionalNames,
  EKS_CLUSTER: Value,
  EKS_ENDPOINT: Value,
  EKS_CERTIFICATE_AUTHORITY: Value,
  EKS_ROLE_ARN: OptionalValue,
});

/** What Lambda itself sets for every function. */
export const LambdaEnvironment = z.object({ AWS_REGION: Value, LAMBDA_TASK_ROOT: Value });

/** The credentials and addresses that a function without an AWS SDK reads by itself. */
export const AwsEnvironment = z.object({
  AWS_REGION: Value,
  AWS_ACCESS_KEY_ID: Value,
  AWS_SECRET_ACCESS_KEY: Value,
  AWS_SESSION_TOKEN: z.optional(Value),
  AWS_ENDPOINT_URL: z.optional(Value),
});

/** What a stack has to set for a function: a variable that the code reads and the stack forgets does not compile. */
export type EnvironmentOf<Environment extends z.ZodMiniObject> = Readonly<
  Record<keyof z.input<Environment> & string, string>
>;

/**
 * Reads the environment of a function.
 * @throws TidegateError `EnvironmentIncomplete` (stall) naming every variable that is missing or wrong, but no value.
 */
export function readEnvironment<Environment extends z.ZodMiniObject>(
  environment: Environment,
  variables: Readonly<Record<string, string | undefined>>,
): z.output<Environment> {
  const parsed = environment.safeParse(variables);
  if (parsed.success) return parsed.data;
  const names = [...new Set(parsed.error.issues.map(({ path }) => path.map(String).join('.')))];
  throw new TidegateError(
    'EnvironmentIncomplete',
    `environment variables ${names.join(', ')} are missing or malformed: deploy the stack again`,
    { disposition: 'stall' },
  );
}
