import { describe, expect, it } from 'vitest';

import { describeApiRequest } from '#stand-ins/kubernetes/describe-api-request.ts';

const merge = 'application/merge-patch+json';
const apply = 'application/apply-patch+yaml';

describe('a request to an API server', () => {
  it.each([
    ['GET', '/api/v1/namespaces', '', 'LIST', '/api/v1/namespaces', ''],
    ['GET', '/api/v1/namespaces/shop', '', 'GET', '/api/v1/namespaces/{name}', ''],
    ['PUT', '/api/v1/namespaces/shop/finalize', '', 'UPDATE', '/api/v1/namespaces/{name}/finalize', ''],
    ['GET', '/api/v1/namespaces/shop/pods', '', 'LIST', '/api/v1/namespaces/{namespace}/pods', 'shop'],
    ['GET', '/api/v1/pods?watch=true', '', 'WATCH', '/api/v1/pods', ''],
    [
      'GET',
      '/api/v1/namespaces/shop/pods/web/log',
      '',
      'GET',
      '/api/v1/namespaces/{namespace}/pods/{name}/log',
      'shop',
    ],
    ['POST', '/apis/batch/v1/namespaces/a/jobs', '', 'CREATE', '/apis/batch/v1/namespaces/{namespace}/jobs', 'a'],
    [
      'PATCH',
      '/apis/apps/v1/namespaces/a/deployments/w',
      merge,
      'PATCH',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}',
      'a',
    ],
    [
      'PATCH',
      '/apis/apps/v1/namespaces/a/deployments/w',
      apply,
      'APPLY',
      '/apis/apps/v1/namespaces/{namespace}/deployments/{name}',
      'a',
    ],
    [
      'DELETE',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/x',
      '',
      'DELETE',
      '/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}',
      '',
    ],
    ['DELETE', '/api/v1/namespaces/a/secrets', '', 'DELETECOLLECTION', '/api/v1/namespaces/{namespace}/secrets', 'a'],
    ['GET', '/readyz?verbose', '', 'GET', '/readyz', ''],
    ['GET', '/apis/apps/v1', '', 'GET', '/apis/apps/v1', ''],
    ['POST', '/something', '', 'OTHER', '/something', ''],
  ])('%s %s %s is a %s of %s', (method, target, contentType, verb, template, namespace) => {
    expect(describeApiRequest(method, target, contentType)).toMatchObject({ verb, template, namespace, dryRun: false });
  });

  it('is a dry run when its query says so', () => {
    expect(describeApiRequest('PATCH', '/api/v1/namespaces/a/services/s?dryRun=All', apply)).toMatchObject({
      verb: 'APPLY',
      dryRun: true,
      group: '',
      version: 'v1',
      resource: 'services',
      name: 's',
    });
  });
});
