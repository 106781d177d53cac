import { describe, expect, it } from 'vitest';

import { classifyAwsFailure, nameAwsFailure } from '#shared/adapters/aws/classify-aws-failure.ts';

function named(name: string): Error {
  return Object.assign(new Error('no reason given'), { name });
}

describe('classify a failed call to AWS', () => {
  it.each([
    ['AccessDeniedException', 'denied'],
    ['CredentialsProviderError', 'denied'],
    ['UnrecognizedClientException', 'denied'],
    ['RepositoryNotFoundException', 'missing'],
    ['QueueDoesNotExist', 'missing'],
    ['ResourceNotFoundException', 'missing'],
    ['ThrottlingException', 'transient'],
    // Short-lived credentials are renewed by the SDK: the next try has new ones.
    ['ExpiredTokenException', 'transient'],
    ['InternalServerError', 'transient'],
    ['TimeoutError', 'transient'],
    ['SomethingOfTomorrow', 'transient'],
  ])('%s is %s', (name, failure) => {
    expect(classifyAwsFailure(named(name))).toBe(failure);
    expect(nameAwsFailure(named(name))).toBe(name);
  });

  it("uses the system's word for a connection that failed", () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' });
    expect(nameAwsFailure(refused)).toBe('ECONNREFUSED');
    expect(classifyAwsFailure(refused)).toBe('transient');
  });

  it.each([
    ['Unknown', 403, 'HTTP 403', 'denied'],
    ['403', 403, 'HTTP 403', 'denied'],
    ['UnknownError', 503, 'HTTP 503', 'transient'],
    ['NotFound', 404, 'NotFound', 'missing'],
  ] as const)('goes by the status when there is no word: %s with %i', (name, httpStatusCode, word, failure) => {
    const answered = Object.assign(named(name), { $metadata: { httpStatusCode } });
    expect(nameAwsFailure(answered)).toBe(word);
    expect(classifyAwsFailure(answered)).toBe(failure);
    expect(nameAwsFailure(Object.assign(named(name), { $metadata: undefined }))).toBe(name);
  });

  it.each(['text', undefined, null, {}])('takes %o for worth another try', (thrown) => {
    expect(classifyAwsFailure(thrown)).toBe('transient');
  });
});
