import type { PrincipalClaim } from '@longshore/core';
import type { TaskDetail, TraceContext } from '@longshore/protocol';

/** How to reach a Longshore cluster. */
export interface ConnectOptions {
  /**
   * URLs of the NATS servers, `nats://host:4222`: one, several in a list, or several in one string with commas. Default: those of
   * LONGSHORE_NATS_URL with the login and TLS files of its neighbours (LONGSHORE_NATS_TOKEN, …), as for the command line; then the
   * `longshore dev` of this folder or of one above it.
   */
  readonly servers?: string | readonly string[] | undefined;
  /**
   * Name of the cluster: letters, digits, `-` and `_`, at most 64. Clusters on the same servers don't hear each other. Default:
   * LONGSHORE_CLUSTER, then the name of the `longshore dev` that was found, then `default`.
   */
  readonly cluster?: string | undefined;
  /** Token of the NATS server. Default: none. */
  readonly token?: string | undefined;
  /** User and password of the NATS server. Default: none. */
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Path of a NATS credentials file (JWT and seed). Default: none. */
  readonly credentialsFile?: string | undefined;
  /** Path of a file with the seed of an nkey, for servers that know users by their nkey. Not beside `credentialsFile`. Default: none. */
  readonly nkeyFile?: string | undefined;
  /** Files of a TLS connection: `ca` alone verifies the server, `cert` and `key` identify this client. Default: no TLS. */
  readonly tls?:
    | { readonly ca?: string | undefined; readonly cert?: string | undefined; readonly key?: string | undefined }
    | undefined;
  /**
   * How long one request waits for its reply, in milliseconds. Default 5,000. Raise it on slow links; lower it where the
   * caller has a deadline of its own. A submit sends up to four requests.
   */
  readonly requestTimeoutMs?: number | undefined;
  /**
   * Who asks: the application, or the person for whom it asks, and under which role. It is written down with each submit and control, and
   * shown with a task's events, as a claim: nobody checks it, and it gives no right. Name and role are printable, at most 128 and 64
   * characters. Default: nobody is named.
   */
  readonly principal?: PrincipalClaim | undefined;
  /** What the NATS server shows for this connection. Default `longshore-client`. */
  readonly name?: string | undefined;
}

/** What every call takes. */
export interface CallOptions {
  /**
   * W3C trace context of the caller: the task continues that trace. Default: the active span of `@opentelemetry/api`. Without
   * one, the task gets its own trace.
   */
  readonly trace?: TraceContext | undefined;
}

/** How to follow a task. */
export interface WatchOptions extends CallOptions {
  /** Ends the watch: the loop throws the signal's `reason`. The task continues. Default: only the task's end ends it. */
  readonly signal?: AbortSignal | undefined;
  /**
   * How often to ask when no message says that something changed, in milliseconds. Default 2,000, at least 500. Messages
   * are only hints: this is the longest that a change can stay unseen when every one of them is lost.
   */
  readonly pollIntervalMs?: number | undefined;
  /**
   * Called for each look that failed because the cluster could not be reached (BUS_UNAVAILABLE, BUS_TIMEOUT,
   * STORE_UNAVAILABLE). The watch continues. Default: such a failure goes unnoticed.
   */
  readonly onProblem?: ((problem: Error) => void) | undefined;
}

/** How long to wait for a task. */
export interface WaitOptions extends WatchOptions {
  /**
   * What to wait for. The wait also ends when the task ends. Default: the task's end. A task that is paused or awaits
   * resolution has not ended: a person may still let it continue.
   */
  readonly until?: ((snapshot: TaskDetail) => boolean) | undefined;
}

/** How to wait for a result. */
export interface ResultOptions<R> extends WatchOptions {
  /** Looks at the result and gives it its type, such as `schema.parse` of zod. Default: it is taken as it is. */
  readonly parse?: ((result: unknown) => R) | undefined;
}
