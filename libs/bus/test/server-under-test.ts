/** A NATS server, started for one case. */
export interface ServerUnderTest {
  readonly url: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface ServerOptions {
  readonly port?: number;
  readonly token?: string;
  /** The public nkey of the only user. */
  readonly nkey?: string;
  readonly maxPayloadBytes?: number;
}

export type StartServer = (options?: ServerOptions) => Promise<ServerUnderTest>;
