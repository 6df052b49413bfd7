/** A server that speaks the NATS client protocol, started for one case. */
export interface ServerUnderTest {
  readonly url: string;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

export interface ServerOptions {
  readonly port?: number;
  readonly token?: string;
  readonly maxPayloadBytes?: number;
  readonly maxPendingBytes?: number;
  readonly pingIntervalMs?: number;
}

export type StartServer = (options?: ServerOptions) => Promise<ServerUnderTest>;
