import { TidegateError } from '#shared/common/tidegate-error.ts';

// By hand: the webhook reads its environment too, and a schema library takes longer to load than all else in it.

const MALFORMED = Symbol('malformed');

/** Reads one variable from its text, undefined if it is not set. */
type Variable<Value> = (text: string | undefined) => Value | typeof MALFORMED;

const Value: Variable<string> = (text) => (text === undefined || text === '' ? MALFORMED : text);
/** What is there or not as Lambda has it. */
const AbsentOrValue: Variable<string | undefined> = (text) => (text === '' ? MALFORMED : text);

/** What `github-webhook` is told: names and addresses, never secrets. */
export const GithubWebhookEnvironment = {
  WEBHOOK_SECRET_NAME: Value,
  SOURCE_SYNC_QUEUE_URL: Value,
  IMAGE_UPDATE_QUEUE_URL: Value,
};

/** What `source-sync` is told besides `tidegate.yaml`, which lies beside its code. */
export const SourceSyncEnvironment = { JOURNAL_TABLE: Value, ARTIFACT_BUCKET: Value };

/** What `image-update` is told besides `tidegate.yaml`. */
export const ImageUpdateEnvironment = { JOURNAL_TABLE: Value };

/** What `notify` is told besides `tidegate.yaml`; the queues of the clusters are siblings of source-sync's. */
export const NotifyEnvironment = { JOURNAL_TABLE: Value, SOURCE_SYNC_QUEUE_URL: Value, IMAGE_UPDATE_QUEUE_URL: Value };

/** What the `reconcile` of one cluster is told besides `cluster.json`, which lies beside its code. */
export const ReconcileEnvironment = { JOURNAL_TABLE: Value, ARTIFACT_BUCKET: Value, KUBECTL: Value };

/** What Lambda itself sets for every function. */
export const LambdaEnvironment = { AWS_REGION: Value, LAMBDA_TASK_ROOT: Value };

/** Where Lambda keeps what a function writes to its log. */
export const LambdaLogEnvironment = { AWS_REGION: Value, AWS_LAMBDA_LOG_GROUP_NAME: Value };

/** The credentials and addresses that a function without an AWS SDK reads by itself. */
export const AwsEnvironment = {
  AWS_REGION: Value,
  AWS_ACCESS_KEY_ID: Value,
  AWS_SECRET_ACCESS_KEY: Value,
  AWS_SESSION_TOKEN: AbsentOrValue,
  AWS_ENDPOINT_URL: AbsentOrValue,
};

/** The variables of a function by their names. */
type Environment = Readonly<Record<string, Variable<unknown>>>;

/** What a stack has to set for a function: a variable that the code reads and the stack forgets does not compile. */
export type EnvironmentOf<Of extends Environment> = Readonly<Record<keyof Of & string, string>>;

/** What a function gets of its environment. */
type Read<Of extends Environment> = {
  readonly [Name in keyof Of]: Exclude<ReturnType<Of[Name]>, typeof MALFORMED>;
};

/**
 * Reads the environment of a function.
 * @throws TidegateError `EnvironmentIncomplete` (stall) naming every variable that is missing or wrong, but no value.
 */
export function readEnvironment<Of extends Environment>(
  environment: Of,
  variables: Readonly<Record<string, string | undefined>>,
): Read<Of> {
  const read = Object.entries(environment).map(([name, variable]) => [name, variable(variables[name])] as const);
  const names = read.filter(([, value]) => value === MALFORMED).map(([name]) => name);
  if (names.length === 0) return Object.fromEntries(read) as Read<Of>;
  throw new TidegateError(
    'EnvironmentIncomplete',
    `environment variables ${names.join(', ')} are missing or malformed: deploy the stack again`,
    { disposition: 'stall' },
  );
}
