import type { ImageTag } from '#shared/images/image-tag.ts';

/** A container registry, read only. */
export interface ImageRegistry {
  /**
   * Every tag of one repository, all pages, in no particular order.
   * @param image without tag or digest: `123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app`.
   * @throws TidegateError `ImageRepositoryNotFound` or `AccessDenied` (stall), `RegistryUnavailable` (retry).
   */
  listTags(image: string): Promise<readonly ImageTag[]>;
}
