/** What a client says about itself in CONNECT, as far as a broker needs it. */
export interface ConnectOptions {
  readonly isVerbose: boolean;
  readonly isPedantic: boolean;
  /** Whether it gets its own messages. */
  readonly hasEcho: boolean;
  readonly hasHeaders: boolean;
  readonly wantsNoResponders: boolean;
  readonly token: string | undefined;
}

/** The real server's settings for a client that has not sent CONNECT; a field it leaves out keeps them. */
export const defaultConnectOptions: ConnectOptions = {
  isVerbose: true,
  isPedantic: true,
  hasEcho: true,
  hasHeaders: false,
  wantsNoResponders: false,
  token: undefined,
};

export function parseConnectOptions(value: unknown, current: ConnectOptions): ConnectOptions {
  const given = typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  const flag = (name: string, otherwise: boolean) => (typeof given[name] === 'boolean' ? given[name] : otherwise);
  const token = given['auth_token'];
  return {
    isVerbose: flag('verbose', current.isVerbose),
    isPedantic: flag('pedantic', current.isPedantic),
    hasEcho: flag('echo', current.hasEcho),
    hasHeaders: flag('headers', current.hasHeaders),
    wantsNoResponders: flag('no_responders', current.wantsNoResponders),
    token: typeof token === 'string' ? token : current.token,
  };
}
