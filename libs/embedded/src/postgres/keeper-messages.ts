import type { PostgresOptions } from './postgres-options.ts';

/** What the parent writes on the keeper's pipe: the first line says what to run, later ones are commands. */
export type KeeperStart = Omit<PostgresOptions, 'signal' | 'startTimeoutMs'>;

export type KeeperAction = 'start-server' | 'stop-server' | 'stop';

export interface KeeperCommand {
  readonly id: number;
  readonly action: KeeperAction;
}

/** The answer to the command with the same id: the server's process id, or a failure. */
export interface KeeperAnswer {
  readonly id: number;
  readonly pid?: number;
  readonly failure?: { readonly code: string; readonly message: string; readonly permanent: boolean };
}

/** What the keeper says when the server is up for the first time. */
export interface KeeperReady {
  readonly path: string;
  readonly isTemporary: boolean;
  readonly port: number;
  readonly pid: number;
  readonly password: string;
}
