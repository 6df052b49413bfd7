/**
 * The environment of Postgres' programs: nothing of ours (PGDATA and PGPORT would count), and messages in English,
 * because a port that is taken is recognised by its message.
 */
export function serverEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], LC_ALL: 'C' };
}
