/** The API server answered, and the answer was no. */
export interface KubernetesStatus {
  /** HTTP status code. */
  readonly code: number;
  /** `Invalid`, `Forbidden`, `Conflict`, … */
  readonly reason: string;
  readonly message: string;
  readonly causes: readonly { readonly reason?: string; readonly field?: string; readonly message?: string }[];
}

/** Thrown by every method of KubernetesApi for an answer that is not a success. Transport failures are TidegateError `retry`. */
export class KubernetesApiError extends Error {
  readonly status: KubernetesStatus;

  constructor(status: KubernetesStatus, options?: ErrorOptions) {
    super(status.message, options);
    this.name = 'KubernetesApiError';
    this.status = status;
  }
}
