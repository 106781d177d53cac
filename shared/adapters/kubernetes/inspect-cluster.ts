import { z } from 'zod';
import type { KubernetesConnection } from './kubernetes-connection.ts';
import { KubernetesHttpClient } from './kubernetes-http-client.ts';

/** One right in a cluster; `*` for every group or kind, and no namespace for all of them. */
export interface ClusterRight {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly namespace?: string;
}

/** What an API server says of itself and of who asks. */
export interface ClusterInspection {
  /** `v1.36.1`. */
  readonly serverVersion: string;
  /** Those of the rights that were asked about and that it does not give. */
  readonly denied: readonly ClusterRight[];
}

const REVIEWS = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
const VersionShape = z.looseObject({ gitVersion: z.string() });
const ReviewShape = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

/**
 * Asks a cluster which version it is and which rights the credentials of the connection have in it. Changes nothing.
 * @throws KubernetesApiError for a refusal, TidegateError `retry` for no answer.
 */
export async function inspectCluster(
  connection: KubernetesConnection,
  rights: readonly ClusterRight[],
  { version }: { readonly version: string },
): Promise<ClusterInspection> {
  const client = new KubernetesHttpClient(connection);
  const userAgent = `tidegate/${version}`;
  try {
    const { gitVersion } = VersionShape.parse(await client.send({ method: 'GET', path: '/version', userAgent }));
    const answers = await Promise.all(
      rights.map(async (right) => {
        const body = reviewOf(right);
        const answer = await client.send({ method: 'POST', path: REVIEWS, body, userAgent });
        return { right, allowed: ReviewShape.parse(answer).status.allowed };
      }),
    );
    const denied = answers.filter(({ allowed }) => !allowed).map(({ right }) => right);
    return { serverVersion: gitVersion, denied };
  } finally {
    await client.close();
  }
}

function reviewOf({ verb, group, resource, namespace }: ClusterRight): unknown {
  return {
    apiVersion: 'authorization.k8s.io/v1',
    kind: 'SelfSubjectAccessReview',
    spec: { resourceAttributes: { verb, group, resource, ...(namespace === undefined ? {} : { namespace }) } },
  };
}
