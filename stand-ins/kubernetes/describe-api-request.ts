/** What a request asks of a Kubernetes API server; the dry run and the server-side apply are told apart from the rest. */
export type ApiVerb =
  'GET' | 'LIST' | 'WATCH' | 'CREATE' | 'UPDATE' | 'PATCH' | 'APPLY' | 'DELETE' | 'DELETECOLLECTION' | 'OTHER';

/** A request to a Kubernetes API server in the server's own terms. */
export interface ApiRequest {
  readonly verb: ApiVerb;
  readonly dryRun: boolean;
  readonly group: string;
  readonly version: string;
  /** The plural, or empty for discovery, health and the like. */
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  /** The path with its namespace and name replaced, so that requests of one sort are equal. */
  readonly template: string;
}

const namespaceSubresources = new Set(['status', 'finalize']);

function verbOf(method: string, hasName: boolean, isWatch: boolean, contentType: string): ApiVerb {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isWatch) return 'WATCH';
      return hasName ? 'GET' : 'LIST';
    case 'POST':
      return 'CREATE';
    case 'PUT':
      return 'UPDATE';
    case 'PATCH':
      return contentType.startsWith('application/apply-patch') ? 'APPLY' : 'PATCH';
    case 'DELETE':
      return hasName ? 'DELETE' : 'DELETECOLLECTION';
    default:
      return 'OTHER';
  }
}

function describeOther(method: string, path: string): ApiRequest {
  return {
    verb: method === 'GET' ? 'GET' : 'OTHER',
    dryRun: false,
    group: '',
    version: '',
    resource: '',
    subresource: '',
    namespace: '',
    name: '',
    template: path,
  };
}

/** Tells what a request to a Kubernetes API server is about. */
export function describeApiRequest(method: string, target: string, contentType: string): ApiRequest {
  const url = new URL(target, 'http://api-server');
  const segments = url.pathname.split('/').filter((segment) => segment !== '');
  const isCore = segments[0] === 'api';
  const isGrouped = segments[0] === 'apis';
  const rest = segments.slice(isCore ? 2 : 3);
  if (!(isCore || isGrouped) || rest.length === 0) return describeOther(method, url.pathname);

  const [, second = '', third = ''] = segments;
  const isNamespaced =
    rest[0] === 'namespaces' && rest.length >= 3 && !(rest.length === 3 && namespaceSubresources.has(rest[2] ?? ''));
  const namespace = isNamespaced ? decodeURIComponent(rest[1] ?? '') : '';
  const [resource = '', encodedName = '', ...sub] = isNamespaced ? rest.slice(2) : rest;
  const name = decodeURIComponent(encodedName);
  const subresource = sub.join('/');
  const root = isCore ? `/api/${second}` : `/apis/${second}/${third}`;
  const isWatch = ['1', 'true'].includes(url.searchParams.get('watch') ?? '');
  return {
    verb: verbOf(method, name !== '', isWatch, contentType),
    dryRun: url.searchParams.has('dryRun'),
    group: isCore ? '' : second,
    version: isCore ? second : third,
    resource,
    subresource,
    namespace,
    name,
    template: [
      root,
      ...(isNamespaced ? ['namespaces', '{namespace}'] : []),
      resource,
      ...(name === '' ? [] : ['{name}']),
      ...sub,
    ].join('/'),
  };
}
