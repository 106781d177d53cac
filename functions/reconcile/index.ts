import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '#shared/adapters/clock/system-clock.ts';
import { readClusterFile } from '#shared/adapters/disk/read-cluster-file.ts';
import { createDynamoJournal } from '#shared/adapters/dynamodb/dynamo-journal.ts';
import { createKubectlRenderer } from '#shared/adapters/kubectl/kubectl-renderer.ts';
import { assumeRole } from '#shared/adapters/kubernetes/assume-role.ts';
import { eksConnection } from '#shared/adapters/kubernetes/eks-connection.ts';
import { kubernetesHttpApi } from '#shared/adapters/kubernetes/kubernetes-http-api.ts';
import { createPowertoolsLogger } from '#shared/adapters/powertools/powertools-logger.ts';
import { createPowertoolsMetrics } from '#shared/adapters/powertools/powertools-metrics.ts';
import { traceHandler } from '#shared/adapters/powertools/trace-handler.ts';
import { createS3ApplyRecords } from '#shared/adapters/s3/s3-apply-records.ts';
import { createS3ArtifactStore } from '#shared/adapters/s3/s3-artifact-store.ts';
import { defined } from '#shared/common/defined.ts';
import { VERSION } from '#shared/common/version.ts';
import { acquireClusterLease } from '#shared/engine/lease/cluster-lease.ts';
import { createTreeRoom } from '#shared/reconcile/tree-room.ts';
import { createRenderCache } from '#shared/render/render-cache.ts';
import { warnOfEksBundle } from '#shared/settings/certificate-bundle.ts';
import {
  AwsEnvironment,
  LambdaEnvironment,
  readEnvironment,
  ReconcileEnvironment,
} from '#shared/settings/function-environment.ts';
import { METRICS } from '#shared/settings/metric-names.ts';

import { countConcerns } from './count-concerns.ts';
import { createReconcileHandler } from './handler.ts';
import { retryPassingFaults } from './retry-passing-faults.ts';

const MAX_RENDERS = 1_000;
/** Longer than a lease lasts, so that the run after a killed one gets its turn. Milliseconds. */
const PATIENCE_MS = 30_000;

const service = 'reconcile';
const environment = readEnvironment(ReconcileEnvironment, process.env);
const aws = readEnvironment(AwsEnvironment, process.env);
const { LAMBDA_TASK_ROOT } = readEnvironment(LambdaEnvironment, process.env);
const { installation, configRepository, cluster, eks } = await readClusterFile(LAMBDA_TASK_ROOT);
const { name } = cluster;
const { roleArn } = eks;

const log = createPowertoolsLogger({ service, knownSecrets: [] }).child({ cluster: name });
const writeCount = createPowertoolsMetrics(service);
const now = (): number => systemClock.now();
const ownCredentials = {
  accessKeyId: aws.AWS_ACCESS_KEY_ID,
  secretAccessKey: aws.AWS_SECRET_ACCESS_KEY,
  ...defined({ sessionToken: aws.AWS_SESSION_TOKEN }),
};
const api = kubernetesHttpApi(
  eksConnection({
    ...eks,
    credentials:
      roleArn === undefined
        ? () => Promise.resolve(ownCredentials)
        : assumeRole({ roleArn, sessionName: `tidegate-${name}`, region: aws.AWS_REGION, now }),
    now,
  }),
  { version: VERSION },
);
const journal = createDynamoJournal({ tableName: environment.JOURNAL_TABLE, clock: systemClock });
const bucket = environment.ARTIFACT_BUCKET;
/** One name a process: Lambda runs one event at a time in it. */
const holder = `lambda-${randomUUID()}`;

const reconcileOnce = createReconcileHandler({
  cluster,
  server: eks.endpoint,
  warnOfAuthority: (at) => warnOfEksBundle(name, eks.certificateAuthority, at),
  installation: {
    name: installation,
    repository: configRepository.url,
    branch: configRepository.branch,
    store: `dynamodb/${environment.JOURNAL_TABLE}`,
  },
  ports: {
    api,
    artifacts: createS3ArtifactStore({ bucket }),
    records: createS3ApplyRecords({ bucket }),
    journal,
    // Lambda does not clear /tmp after a run that it killed, and half a gigabyte fits.
    renderer: await createKubectlRenderer({ kubectl: environment.KUBECTL, folder: join(tmpdir(), 'tidegate-builds') }),
    renders: createRenderCache(MAX_RENDERS),
    trees: createTreeRoom(),
    clock: systemClock,
    log,
  },
  acquireLease: () => acquireClusterLease(api, systemClock, { holder, giveUpAt: now() + PATIENCE_MS }),
});

/** Reconciles one cluster. */
export const handler = traceHandler(
  service,
  countConcerns(
    retryPassingFaults(reconcileOnce, (ms) => sleep(ms)),
    { cluster: name, journal, log, write: (count) => writeCount(METRICS.concerns, count, { cluster: name }) },
  ),
);
