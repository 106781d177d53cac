import {
  BatchCheckLayerAvailabilityCommand,
  CompleteLayerUploadCommand,
  CreateRepositoryCommand,
  ECRClient,
  InitiateLayerUploadCommand,
  PutImageCommand,
  UploadLayerPartCommand,
} from '@aws-sdk/client-ecr';
import {
  DisableRuleCommand,
  EnableRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import { CreateQueueCommand, SQSClient } from '@aws-sdk/client-sqs';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import type { RunningMoto } from './start-moto.ts';

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const LAYER = 'application/vnd.oci.image.layer.v1.tar+gzip';
const RULE = 'tidegate-ecr-image-pushes';

/** An image to push; another `content` under the same tag is another image. */
export interface PushImageRequest {
  readonly repository: string;
  readonly tag: string;
  readonly content?: string;
}

/** An image as ECR keeps it. */
export interface PushedImage {
  /** `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:6.7.1`. */
  readonly reference: string;
  readonly digest: string;
}

/** An ECR that speaks of its pushes through EventBridge, as the one of AWS does. */
export interface ElasticContainerRegistry {
  /** `123456789012.dkr.ecr.eu-west-1.amazonaws.com`. */
  readonly host: string;
  /** @returns the repository's name with its host, as manifests write it. */
  createRepository(request: { readonly name: string; readonly immutableTags: boolean }): Promise<string>;
  /** Uploads the blobs that are missing, then the manifest, as `docker push` does. */
  pushImage(request: PushImageRequest): Promise<PushedImage>;
  /** Makes the queue, and (beside those made before) the rule that brings the event of each push to it. */
  sendEventsTo(request: { readonly queueName: string }): Promise<{ readonly queueUrl: string }>;
  /** ECR's events are best effort: from here on they are lost. */
  loseEvents(): Promise<void>;
  /** From here on events arrive again; those lost stay lost. */
  deliverEvents(): Promise<void>;
  close(): void;
}

interface Blob {
  readonly mediaType: string;
  readonly digest: string;
  readonly bytes: Buffer;
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

function blob(mediaType: string, bytes: Buffer): Blob {
  return { mediaType, digest: digestOf(bytes), bytes };
}

function describeBlob({ mediaType, digest, bytes }: Blob) {
  return { mediaType, digest, size: bytes.length };
}

function buildImage(request: PushImageRequest) {
  // Two zero blocks are a complete tar with no entries.
  const tar = Buffer.alloc(1024);
  const layer = blob(LAYER, gzipSync(tar));
  const config = blob(
    CONFIG,
    Buffer.from(
      JSON.stringify({
        architecture: 'amd64',
        os: 'linux',
        config: {
          Labels: {
            'org.opencontainers.image.title': request.repository,
            'org.opencontainers.image.version': request.tag,
            'org.opencontainers.image.description': request.content ?? '',
          },
        },
        rootfs: { type: 'layers', diff_ids: [digestOf(tar)] },
      }),
    ),
  );
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: MANIFEST,
    config: describeBlob(config),
    layers: [describeBlob(layer)],
  });
  return { blobs: [layer, config], manifest, digest: digestOf(Buffer.from(manifest)) };
}

async function uploadBlob(ecr: ECRClient, repositoryName: string, content: Blob): Promise<void> {
  const layerDigests = [content.digest];
  const found = await ecr.send(new BatchCheckLayerAvailabilityCommand({ repositoryName, layerDigests }));
  if (found.layers?.[0]?.layerAvailability === 'AVAILABLE') return;
  const { uploadId } = await ecr.send(new InitiateLayerUploadCommand({ repositoryName }));
  await ecr.send(
    new UploadLayerPartCommand({
      repositoryName,
      uploadId,
      partFirstByte: 0,
      partLastByte: content.bytes.length - 1,
      layerPartBlob: content.bytes,
    }),
  );
  await ecr.send(new CompleteLayerUploadCommand({ repositoryName, uploadId, layerDigests }));
}

/** Opens the ECR of a running moto. */
export function openElasticContainerRegistry(moto: RunningMoto): ElasticContainerRegistry {
  const connection = { endpoint: moto.url, region: moto.region, credentials: moto.credentials };
  const ecr = new ECRClient(connection);
  const events = new EventBridgeClient(connection);
  const sqs = new SQSClient(connection);
  const host = `${moto.account}.dkr.ecr.${moto.region}.amazonaws.com`;
  return {
    host,
    createRepository: async ({ name, immutableTags }) => {
      const imageTagMutability = immutableTags ? 'IMMUTABLE' : 'MUTABLE';
      await ecr.send(new CreateRepositoryCommand({ repositoryName: name, imageTagMutability }));
      return `${host}/${name}`;
    },
    pushImage: async (request) => {
      const { blobs, manifest, digest } = buildImage(request);
      for (const content of blobs) await uploadBlob(ecr, request.repository, content);
      await ecr.send(
        new PutImageCommand({
          repositoryName: request.repository,
          imageTag: request.tag,
          imageManifest: manifest,
          imageManifestMediaType: MANIFEST,
          imageDigest: digest,
        }),
      );
      return { reference: `${host}/${request.repository}:${request.tag}`, digest };
    },
    sendEventsTo: async ({ queueName }) => {
      const fifo = queueName.endsWith('.fifo');
      const { QueueUrl: queueUrl = '' } = await sqs.send(
        new CreateQueueCommand({
          QueueName: queueName,
          // EventBridge brings no deduplication id along, so a FIFO queue has to make it from the content.
          ...(fifo ? { Attributes: { FifoQueue: 'true', ContentBasedDeduplication: 'true' } } : {}),
        }),
      );
      const pattern = {
        source: ['aws.ecr'],
        'detail-type': ['ECR Image Action'],
        account: [moto.account],
        detail: { 'action-type': ['PUSH'], result: ['SUCCESS'] },
      };
      await events.send(new PutRuleCommand({ Name: RULE, EventPattern: JSON.stringify(pattern) }));
      const target = {
        Id: queueName,
        Arn: `arn:aws:sqs:${moto.region}:${moto.account}:${queueName}`,
        ...(fifo ? { SqsParameters: { MessageGroupId: 'ecr' } } : {}),
      };
      await events.send(new PutTargetsCommand({ Rule: RULE, Targets: [target] }));
      return { queueUrl };
    },
    loseEvents: async () => {
      await events.send(new DisableRuleCommand({ Name: RULE }));
    },
    deliverEvents: async () => {
      await events.send(new EnableRuleCommand({ Name: RULE }));
    },
    close: () => {
      for (const client of [ecr, events, sqs]) client.destroy();
    },
  };
}
