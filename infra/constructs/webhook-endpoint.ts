import { Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { HttpApi, HttpMethod, HttpStage, LogGroupLogDestination } from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

import type { EnvironmentOf, GithubWebhookEnvironment } from '#shared/settings/function-environment.ts';
import type { GitHubSettings } from '#shared/settings/settings.ts';

import { acknowledge } from './acknowledge.ts';
import type { Secrets } from './secrets.ts';
import { TidegateFunction } from './tidegate-function.ts';
import type { WorkQueue } from './work-queue.ts';

/** Deliveries a second; GitHub sends a push of a thousand branches faster, and the tick finds the rest. */
const RATE = 200;
const BURST = 400;
const PATH = '/webhook';
/** Where log groups are that AWS writes to by itself. */
export const VENDED_LOGS = '/aws/vendedlogs';

export interface WebhookEndpointProps {
  readonly bundle: string;
  readonly github: GitHubSettings;
  readonly secrets: Secrets;
  readonly sourceSync: WorkQueue;
  readonly imageUpdate: WorkQueue;
}

/** The one address that the internet can reach: an HTTP API with one route, whose function checks each signature. */
export class WebhookEndpoint extends Construct {
  readonly url: string;
  readonly worker: TidegateFunction;

  constructor(scope: Construct, id: string, props: WebhookEndpointProps) {
    super(scope, id);
    const { bundle, github, secrets, sourceSync, imageUpdate } = props;
    const environment: EnvironmentOf<typeof GithubWebhookEnvironment> = {
      WEBHOOK_SECRET_NAME: github.webhookSecret,
      SOURCE_SYNC_QUEUE_URL: sourceSync.queue.queueUrl,
      IMAGE_UPDATE_QUEUE_URL: imageUpdate.queue.queueUrl,
    };
    this.worker = new TidegateFunction(this, 'Worker', {
      description: "Answers GitHub's webhooks: checks the signature, puts a hint into the queues",
      bundle,
      environment,
      timeout: Duration.seconds(10),
      memorySize: 512,
      mapStackTraces: false,
    });
    secrets.grantWebhook(this.worker.role);
    sourceSync.grantSend(this.worker.role);
    imageUpdate.grantSend(this.worker.role);
    this.url = `${this.addApi().url}${PATH.slice(1)}`;
  }

  private addApi(): HttpStage {
    const api = new HttpApi(this, 'Api', { createDefaultStage: false, description: "GitHub's webhooks for Tidegate" });
    const [route] = api.addRoutes({
      path: PATH,
      methods: [HttpMethod.POST],
      integration: new HttpLambdaIntegration('Integration', this.worker.function),
    });
    if (route !== undefined) {
      acknowledge(
        route,
        'AwsSolutions-APIG4',
        'GitHub signs each delivery over its bytes; the function checks that first.',
      );
    }
    const logs = new LogGroup(this, 'AccessLogs', {
      // Each group that API Gateway writes to takes room in one policy of the account, of 5,120 characters; those under this
      // prefix share an entry (CloudWatch Logs User Guide, "Enabling logging from AWS services").
      logGroupName: `${VENDED_LOGS}/${Stack.of(this).stackName}/github-webhook`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    return new HttpStage(this, 'Stage', {
      httpApi: api,
      autoDeploy: true,
      throttle: { rateLimit: RATE, burstLimit: BURST },
      accessLogSettings: { destination: new LogGroupLogDestination(logs) },
    });
  }
}
