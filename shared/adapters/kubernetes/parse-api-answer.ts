import { z } from 'zod';

import { defined } from '#shared/common/defined.ts';
import type { KubernetesStatus } from '#shared/kubernetes/api-error.ts';
import type { ApiResource } from '#shared/kubernetes/discovery.ts';
import type { LiveMetadata, LiveObject } from '#shared/kubernetes/live-object.ts';

const LiveMetadataShape = z.looseObject({
  name: z.string(),
  uid: z.string(),
  // An object that a dry run would create has none; as a precondition the empty one never holds.
  resourceVersion: z.string().default(''),
  namespace: z.string().optional(),
});

const LiveObjectShape = z.looseObject({
  apiVersion: z.string().optional(),
  kind: z.string().optional(),
  metadata: LiveMetadataShape,
});

const ListShape = z.looseObject({
  metadata: z.looseObject({ continue: z.string().optional() }),
  items: z.array(LiveObjectShape).nullable(),
});

const StatusShape = z.looseObject({
  kind: z.literal('Status'),
  code: z.number().optional(),
  reason: z.string().optional(),
  message: z.string().optional(),
  details: z
    .looseObject({
      causes: z
        .array(
          z.looseObject({
            reason: z.string().optional(),
            field: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

const GroupListShape = z.looseObject({
  kind: z.literal('APIGroupDiscoveryList'),
  items: z.array(
    z.looseObject({
      metadata: z.looseObject({ name: z.string().optional() }).optional(),
      versions: z
        .array(
          z.looseObject({
            version: z.string(),
            freshness: z.string().optional(),
            resources: z
              .array(
                z.looseObject({
                  resource: z.string(),
                  responseKind: z.looseObject({ kind: z.string() }).optional(),
                  scope: z.string(),
                  verbs: z.array(z.string()),
                }),
              )
              .optional(),
          }),
        )
        .optional(),
    }),
  ),
});

/** Reads one page of a list; items get the kind of the resource, which typed lists leave out. */
export function parseListPage(
  body: unknown,
  resource: ApiResource,
): { readonly items: readonly LiveObject[]; readonly next: string } {
  const page = ListShape.parse(body);
  return {
    items: (page.items ?? []).map((item) => ({ ...liveObject(item), ...kindOf(resource) })),
    next: page.metadata.continue ?? '',
  };
}

/** Reads a whole object as the server sent it. */
export function parseLiveObject(body: unknown, resource: ApiResource): LiveObject {
  return { ...kindOf(resource), ...liveObject(LiveObjectShape.parse(body)) };
}

// The shape above is checked; what is optional in metadata has the server's word for its type.
function liveObject(parsed: z.infer<typeof LiveObjectShape>): LiveObject {
  return parsed as unknown as LiveObject;
}

/** Metadata of an object or of a PartialObjectMetadata. */
export function parseLiveMetadata(body: unknown, resource: ApiResource): LiveMetadata {
  return parseLiveObject(body, resource).metadata;
}

/** Reads the server's refusal; an answer that is none of its own (a proxy's page) is told by its code and its start. */
export function parseStatus(code: number, text: string): KubernetesStatus {
  const parsed = StatusShape.safeParse(parseJson(text));
  if (!parsed.success) {
    return { code, reason: 'Unknown', message: `HTTP ${code}: ${text.slice(0, 200).trim() || 'empty'}`, causes: [] };
  }
  const { reason, message, details } = parsed.data;
  const causes = (details?.causes ?? []).map((cause) => ({
    ...defined({ reason: cause.reason, field: cause.field, message: cause.message }),
  }));
  return { code, reason: reason ?? 'Unknown', message: message ?? `HTTP ${code}`, causes };
}

/** Reads aggregated discovery (`/api` or `/apis`). */
export function parseGroupDiscovery(body: unknown): {
  readonly resources: readonly ApiResource[];
  readonly incomplete: readonly string[];
} {
  const resources: ApiResource[] = [];
  const incomplete: string[] = [];
  for (const item of GroupListShape.parse(body).items) {
    const group = item.metadata?.name ?? '';
    for (const version of item.versions ?? []) {
      if (version.freshness === 'Stale') {
        incomplete.push(group === '' ? version.version : `${group}/${version.version}`);
      }
      for (const resource of version.resources ?? []) {
        if (resource.responseKind !== undefined) {
          resources.push({
            group,
            version: version.version,
            kind: resource.responseKind.kind,
            plural: resource.resource,
            namespaced: resource.scope === 'Namespaced',
            verbs: resource.verbs,
          });
        }
      }
    }
  }
  return { resources, incomplete };
}

/** JSON or undefined: a refusal may be any text. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function kindOf(resource: ApiResource): { readonly apiVersion: string; readonly kind: string } {
  return {
    apiVersion: resource.group === '' ? resource.version : `${resource.group}/${resource.version}`,
    kind: resource.kind,
  };
}
