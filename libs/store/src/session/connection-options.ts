import type { PoolConfig } from 'pg';

/** What a session is started with: settings of the server by name. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * The driver's options for sessions with a name and settings of ours, both in the start-up packet. The driver lets what the URL
 * says win over its other options, so what the URL says of these two is taken out of it: its name is dropped, and its settings
 * come first, so that ours win.
 *
 * @param url `postgres://…`; another form that the driver knows is passed on as it is.
 */
export function connectionOptions(
  url: string,
  applicationName: string,
  settings: SessionSettings,
): Pick<PoolConfig, 'connectionString' | 'application_name' | 'options'> {
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${value.replaceAll(' ', '\\ ')}`);
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
