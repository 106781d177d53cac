/** A token that is not accepted: by aws-iam-authenticator before it asks STS, or by STS and what follows. */
export class EksTokenRefusal extends Error {
  readonly by: 'authenticator' | 'sts';

  constructor(by: 'authenticator' | 'sts', reason: string) {
    super(reason);
    this.name = 'EksTokenRefusal';
    this.by = by;
  }
}
