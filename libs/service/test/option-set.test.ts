import { afterEach, describe, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { COMMON_OPTIONS, LEADER_OPTIONS } from '../src/common-options.ts';
import { HelpShown, integer, oneOf, optionalText, parseOptions, text, type OptionSpec } from '../src/option-set.ts';

const OPTIONS = {
  leaseMs: {
    flag: 'lease-ms',
    env: 'APP_LEASE_MS',
    help: 'How long a lease lasts, in milliseconds; 10 to 100.',
    schema: integer(10, 100),
    default: '50',
  },
  mode: { flag: 'mode', env: 'APP_MODE', help: 'How it runs.', schema: oneOf(['fast', 'safe']), default: 'safe' },
  name: { flag: 'name', env: 'APP_NAME', help: 'What it is called.', schema: text },
  note: { flag: 'note', env: 'APP_NOTE', help: 'A note.', schema: optionalText },
  password: {
    flag: 'password',
    env: 'APP_PASSWORD',
    help: 'The password.',
    schema: z.string().min(8, 'must have 8 characters at least').optional(),
    isSecret: true,
  },
} as const satisfies Record<string, OptionSpec>;

const parse = (argv: readonly string[], env: Readonly<Record<string, string>> = {}): unknown =>
  parseOptions('app', 'An app.', OPTIONS, argv, env);

function problemOf(argv: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  try {
    parse(argv, env);
  } catch (error) {
    expect(error).toMatchObject({ code: 'CONFIG_INVALID', permanent: true });
    return (error as Error).message;
  }
  throw new Error('the settings were taken');
}

afterEach(() => void vi.restoreAllMocks());

test('a flag wins over the environment, and that over the default', () => {
  const env = { APP_LEASE_MS: '20', APP_NAME: 'env' };
  expect(parse(['--lease-ms', '30'], env)).toEqual({ leaseMs: 30, mode: 'safe', name: 'env', note: undefined });
  expect(parse([], env)).toMatchObject({ leaseMs: 20 });
  expect(parse(['--name=flag'], env)).toMatchObject({ name: 'flag' });
  expect(parse([], { APP_NAME: 'env' })).toMatchObject({ leaseMs: 50 });
});

test('an empty variable counts as none', () => {
  expect(parse(['--name', 'x'], { APP_LEASE_MS: '', APP_NOTE: '' })).toMatchObject({ leaseMs: 50, note: undefined });
});

describe('what is wrong', () => {
  test('is named all at once, each with its flag, its variable and what was given', () => {
    expect(problemOf(['--lease-ms', '5', '--mode', 'wild'])).toBe(
      'app: --lease-ms or APP_LEASE_MS must be between 10 and 100 (got "5"); ' +
        '--mode or APP_MODE must be one of fast, safe (got "wild"); --name or APP_NAME is required',
    );
  });

  test.each(['', 'abc', '1.5', '1e1', ' 20', '0x20', '99999999999999999999'])(
    '%j is no whole number within bounds',
    (value) => {
      expect(problemOf(['--name', 'x', '--lease-ms', value])).toContain('--lease-ms');
    },
  );

  test('is never shown when it is a secret', () => {
    expect(problemOf(['--name', 'x'], { APP_PASSWORD: 'hunter2' })).toBe(
      'app: --password or APP_PASSWORD must have 8 characters at least',
    );
    expect(problemOf(['--name', 'x', '--password', 'hunter2'])).not.toContain('hunter2');
  });

  test('is a flag that does not exist; the value given with it stays out of the message', () => {
    const message = problemOf(['--name', 'x', '--pasword=hunter2']);
    expect(message).toContain('--pasword');
    expect(message).not.toContain('hunter2');
  });

  test('is a flag without its value, or a word too many', () => {
    expect(problemOf(['--name'])).toContain('--name');
    expect(problemOf(['--name', 'x', 'hunter2'])).not.toContain('hunter2');
  });
});

test('--help shows every flag with its unit, its default and its variable', () => {
  let shown = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((chunk) => {
    shown += String(chunk);
    return true;
  });
  expect(() => parse(['--help'])).toThrow(HelpShown);
  const lines = shown.replaceAll(/\s+/g, ' ');
  expect(lines).toContain('An app.');
  expect(lines).toContain(
    '--lease-ms <value> How long a lease lasts, in milliseconds; 10 to 100. (default: 50, env: APP_LEASE_MS)',
  );
  expect(lines).toContain('--name <value> What it is called. (env: APP_NAME)');
});

test('options of services: a default fits its own bounds, a duration says its unit, no flag or variable is used twice', () => {
  const specs: readonly OptionSpec[] = [...Object.values(COMMON_OPTIONS), ...Object.values(LEADER_OPTIONS)];
  for (const spec of specs) {
    if (spec.default !== undefined) expect(spec.schema.safeParse(spec.default).success, spec.flag).toBe(true);
    if (spec.flag.endsWith('-ms')) expect(spec.help, spec.flag).toContain('milliseconds');
    expect(spec.env, spec.flag).toMatch(/^LONGSHORE_[A-Z_]+$/);
  }
  expect(new Set(specs.map((spec) => spec.flag)).size).toBe(specs.length);
  expect(new Set(specs.map((spec) => spec.env)).size).toBe(specs.length);
});

test('a database is a URL of Postgres, and the message does not show it', () => {
  const env = { LONGSHORE_DATABASE_URL: 'mysql://me:hunter2@host/db' };
  expect(() => parseOptions('owner', '', COMMON_OPTIONS, [], env)).toThrow(
    'owner: --database-url or LONGSHORE_DATABASE_URL must start with postgres://',
  );
  expect(() => parseOptions('owner', '', COMMON_OPTIONS, [], {})).toThrow('LONGSHORE_DATABASE_URL is required');
});
