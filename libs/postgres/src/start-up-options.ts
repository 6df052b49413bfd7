import type { PoolConfig } from 'pg';

/** Settings of the server by name, which a session is started with. */
export type SessionSettings = Readonly<Record<string, string>>;

/**
 * The driver's options for sessions with a name and settings of ours, both in the start-up packet: set later, there would be a moment
 * without them, and a rollback would undo them.
 *
 * The driver lets what the URL says win over its other options, so this takes both out of the URL. The URL's name is dropped, since a
 * session of another name could not be found again. The URL's settings come first, so that ours win.
 *
 * @param url `postgres://…`; another form that the driver knows is passed on as it is.
 * @param settings values may hold any character.
 */
export function startUpOptions(
  url: string,
  applicationName: string,
  settings: SessionSettings = {},
): Pick<PoolConfig, 'connectionString' | 'application_name' | 'options'> {
  const ours = Object.entries(settings).map(([name, value]) => `-c ${name}=${escapeValue(value)}`);
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

/** The server splits its options at white space, unless a backslash is before it (`pg_split_opts` in Postgres' postinit.c). */
function escapeValue(value: string): string {
  return value.replaceAll(/[\\\s]/g, String.raw`\$&`);
}
