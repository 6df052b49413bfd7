import type { PoolConfig } from 'pg';

/** Settings of the server by name, which a session is started with. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * The driver's options for sessions with a name and settings of ours, both in the start-up packet. The driver lets what the URL
 * says win over its other options, so what the URL says of these two is taken out of it: a session of another name could not be
 * found by the next attempt. Its settings come first, so that ours win.
 */
export function connectionOptions(
  url: string,
  applicationName: string,
  settings: SessionSettings,
): Pick<PoolConfig, 'connectionString' | 'application_name' | 'options'> {
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  const parsed = URL.canParse(url) ? new URL(url) : null;
  const theirs = parsed?.searchParams.get('options') ?? '';
  parsed?.searchParams.delete('options');
  parsed?.searchParams.delete('application_name');
  return {
    connectionString: parsed?.href ?? url,
    application_name: applicationName,
    options: [theirs, ...ours].join(' ').trim(),
  };
}
