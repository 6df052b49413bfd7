// Types of ours alone: clients see them, and those of the client library are not right in all settings of the compiler.

/** Files with a login. */
export interface LoginFiles {
  /** A NATS credentials file (JWT and seed). */
  readonly credentialsFile?: string | undefined;
  /** A file with the seed of an nkey, for servers that know users by their nkey. Not beside `credentialsFile`. */
  readonly nkeyFile?: string | undefined;
}

/** Files of a TLS connection; `ca` alone verifies the server, `cert` and `key` identify this client. */
export interface TlsFiles {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** How to reach NATS. */
export interface BusOptions extends LoginFiles {
  /** One or several server URLs, `nats://host:4222`. */
  readonly servers: string | readonly string[];
  /** Name of the Longshore cluster: the part of every subject that keeps clusters apart. */
  readonly cluster: string;
  /** What the server shows for this connection. */
  readonly name: string;
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Default: no TLS, unless a server's URL says `tls://`. */
  readonly tls?: TlsFiles | undefined;
  /**
   * True (services): if no server answers at once, the bus is there without one and connects later, for ever. Until then hints are
   * dropped and requests fail with BUS_UNAVAILABLE. False (clients): fail with BUS_UNAVAILABLE.
   * Either way a connection that was up once is re-established for ever. Default false.
   */
  readonly waitForServer?: boolean;
  /** Told why there was no connection, before each further attempt to get the first one. Default: nobody is. */
  readonly onWaiting?: (error: Error) => void;
  /** How long a request waits for its reply unless it says otherwise, in milliseconds. Default 5,000. */
  readonly requestTimeoutMs?: number;
  /** Told of each hint that is dropped because it doesn't fit its schema. Default: nobody is. */
  readonly onHintDropped?: () => void;
  /**
   * Told about errors that a receiver of hints or a callback after a reconnect throws; delivery goes on. Default: a warning of
   * the process.
   */
  readonly onCallbackError?: (error: unknown) => void;
}
