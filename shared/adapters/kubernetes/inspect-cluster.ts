import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';

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

const REVIEWS = '/apis/authorization.k8s.io/v1';
const VersionShape = z.looseObject({ gitVersion: z.string() });
const ReviewShape = z.looseObject({ status: z.looseObject({ allowed: z.boolean() }) });

export interface InspectClusterOptions {
  readonly version: string;
  /** Whose rights are asked about, if not those of the credentials; who asks needs to create `subjectaccessreviews`. */
  readonly group?: string;
}

/**
 * Asks a cluster which version it is and which rights the credentials of the connection, or a group, have in it. Changes
 * nothing.
 * @throws KubernetesApiError for a refusal, TidegateError `retry` for no answer.
 */
export async function inspectCluster(
  connection: KubernetesConnection,
  rights: readonly ClusterRight[],
  { version, group }: InspectClusterOptions,
): Promise<ClusterInspection> {
  const client = new KubernetesHttpClient(connection);
  const userAgent = `tidegate/${version}`;
  try {
    const { gitVersion } = VersionShape.parse(await client.send({ method: 'GET', path: '/version', userAgent }));
    const answers = await Promise.all(
      rights.map(async (right) => {
        const answer = await client.send({ method: 'POST', ...reviewOf(right, group), userAgent });
        return { right, allowed: ReviewShape.parse(answer).status.allowed };
      }),
    );
    const denied = answers.filter(({ allowed }) => !allowed).map(({ right }) => right);
    return { serverVersion: gitVersion, denied };
  } finally {
    await client.close();
  }
}

function reviewOf(
  { verb, group, resource, namespace }: ClusterRight,
  ofGroup: string | undefined,
): { readonly path: string; readonly body: unknown } {
  const resourceAttributes = { verb, group, resource, ...defined({ namespace }) };
  const [kind, who] =
    ofGroup === undefined
      ? (['SelfSubjectAccessReview', {}] as const)
      : (['SubjectAccessReview', { user: ofGroup, groups: [ofGroup, 'system:authenticated'] }] as const);
  return {
    path: `${REVIEWS}/${kind.toLowerCase()}s`,
    body: { apiVersion: 'authorization.k8s.io/v1', kind, spec: { ...who, resourceAttributes } },
  };
}
