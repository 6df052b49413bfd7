/**
 * Every code an {@link EmbeddedError} of this package carries. A child that reports a failure of its own keeps its own
 * code, which is why `EmbeddedError.code` is a string and not this union.
 */
export const embeddedErrorCodes = {
  platformUnsupported: 'EMBEDDED_PLATFORM_UNSUPPORTED',
  portInUse: 'EMBEDDED_PORT_IN_USE',
  postgresStartFailed: 'EMBEDDED_POSTGRES_START_FAILED',
  postgresAlreadyRunning: 'EMBEDDED_POSTGRES_ALREADY_RUNNING',
  postgresStopFailed: 'EMBEDDED_POSTGRES_STOP_FAILED',
  childFailed: 'EMBEDDED_CHILD_FAILED',
  childReadyTimeout: 'EMBEDDED_CHILD_READY_TIMEOUT',
  brokerNotLoopback: 'EMBEDDED_BROKER_NOT_LOOPBACK',
  brokerInvalidOption: 'EMBEDDED_BROKER_INVALID_OPTION',
  clusterStopped: 'EMBEDDED_CLUSTER_STOPPED',
  unknownProcess: 'EMBEDDED_UNKNOWN_PROCESS',
} as const;

export type EmbeddedErrorCode = (typeof embeddedErrorCodes)[keyof typeof embeddedErrorCodes];

export interface EmbeddedErrorOptions {
  /** True when trying again without changing anything cannot help. Default false. */
  readonly permanent?: boolean;
  readonly cause?: unknown;
  /** The last lines a failed process wrote, oldest first. Default none. */
  readonly output?: readonly string[];
}

/** What every function of this package throws: a stable code, and a message that says what happened and what to do. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
  /** One of {@link embeddedErrorCodes}, or the code a child process gave for its own failure. */
  readonly code: string;
  /** True when trying again without changing anything cannot help. */
  readonly permanent: boolean;
  /** The last lines the failed process wrote, oldest first; empty when no process was involved. */
  readonly output: readonly string[];

  static is(thrown: unknown): thrown is EmbeddedError {
    return thrown instanceof Error && thrown.name === 'EmbeddedError';
  }

  constructor(code: string, message: string, options: EmbeddedErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.permanent = options.permanent ?? false;
    this.output = options.output ?? [];
  }
}
