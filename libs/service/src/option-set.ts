import { LongshoreError } from '@longshore/core';
import { Command, CommanderError, Option } from 'commander';
import { z } from 'zod';
import { FILE_SUFFIX, readSecret } from './read-secret.ts';

/** One setting of a service, from a flag, an environment variable or its default, in this order. */
export interface OptionSpec<T = unknown> {
  /** Flag without dashes: `lease-ttl-ms`. */
  readonly flag: string;
  /** Environment variable. */
  readonly env: string;
  /** What it does, with unit, bounds and when to change it. */
  readonly help: string;
  /** Reads the text; its errors are shown to the operator. */
  readonly schema: z.ZodType<T, string | undefined>;
  /** Text of the default, as an operator would write it. Without one the schema decides what absence means. */
  readonly default?: string;
  /** Never printed, in no log and no error. It may come from a file, which the variable with `_FILE` behind its name names. */
  readonly isSecret?: boolean;
}

export type OptionSet = Readonly<Record<string, OptionSpec>>;

/** The values of a set of options. */
export type ConfigOf<O extends OptionSet> = { readonly [K in keyof O]: z.output<O[K]['schema']> };

/** Thrown when `--help` or `--version` was printed: there is nothing to run. */
export class HelpShown extends Error {
  override readonly name = 'HelpShown';

  static is(thrown: unknown): thrown is HelpShown {
    return thrown instanceof Error && thrown.name === 'HelpShown';
  }
}

/**
 * Reads a service's settings.
 *
 * @throws {LongshoreError} CONFIG_INVALID naming every wrong setting with its flag and variable.
 * @throws {HelpShown} after `--help`.
 */
export function parseOptions<O extends OptionSet>(
  name: string,
  description: string,
  options: O,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ConfigOf<O> {
  const command = new Command(name).description(description).exitOverride().allowExcessArguments(false);
  command.configureOutput({ writeErr: () => undefined });
  for (const spec of Object.values(options)) {
    command.addOption(new Option(`--${spec.flag} <value>`, `${spec.help} (${origins(spec)})`));
  }
  try {
    command.parse([...argv], { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof CommanderError && thrown.exitCode === 0) throw new HelpShown();
    // Thrown without its cause, which shows what was typed: a misspelt flag may carry a secret.
    throw new LongshoreError('CONFIG_INVALID', `${name}: ${commandLineProblem(thrown)}`);
  }
  const flags: Record<string, string | undefined> = command.opts();
  const config: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const [key, spec] of Object.entries(options)) {
    let text: string | undefined;
    try {
      text = flags[camelCase(spec.flag)] ?? ofEnvironment(spec, env) ?? spec.default;
    } catch (thrown) {
      problems.push((thrown as Error).message);
      continue;
    }
    const parsed = spec.schema.safeParse(text);
    if (parsed.success) config[key] = parsed.data;
    else problems.push(problem(spec, text, parsed.error));
  }
  if (problems.length > 0) throw new LongshoreError('CONFIG_INVALID', `${name}: ${problems.join('; ')}`);
  return config as ConfigOf<O>;
}

/** @throws {LongshoreError} CONFIG_INVALID for a secret's file that can't be used. */
function ofEnvironment(
  { env: name, isSecret }: OptionSpec,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  return isSecret === true ? readSecret(name, env) : nonEmpty(env[name]);
}

/** Where a value comes from when no flag gives it. */
function origins(spec: OptionSpec): string {
  const hasDefault = spec.default !== undefined && spec.default !== '';
  const names = spec.isSecret === true ? `${spec.env} or ${spec.env}${FILE_SUFFIX}` : spec.env;
  return hasDefault ? `default: ${spec.default}, env: ${names}` : `env: ${names}`;
}

/** What is wrong with a command line, without values: a misspelt flag, or a word that lost its flag, may be a secret. */
function commandLineProblem(thrown: unknown): string {
  if (!(thrown instanceof CommanderError)) return thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown.code === 'commander.excessArguments') return 'error: every value needs its flag, as in --flag value';
  return thrown.message.replace(/(--[^\s='"]+)=[\s\S]*?'/, "$1'");
}

function problem(spec: OptionSpec, text: string | undefined, error: z.ZodError): string {
  const reason = text === undefined ? 'is required' : error.issues.map((issue) => issue.message).join(', ');
  const shown = text === undefined || spec.isSecret === true ? '' : ` (got ${JSON.stringify(text)})`;
  return `--${spec.flag} or ${spec.env} ${reason}${shown}`;
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function camelCase(flag: string): string {
  return flag.replace(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** A whole number between bounds. */
export function integer(min: number, max: number): z.ZodType<number, string | undefined> {
  return z
    .string()
    .regex(/^-?\d+$/, 'must be a whole number')
    .transform(Number)
    .refine((value) => value >= min && value <= max, { message: `must be between ${min} and ${max}` });
}

/** Any text that isn't empty. */
export const text: z.ZodType<string, string | undefined> = z.string().min(1, 'must not be empty');

/** A text that may be left out. */
export const optionalText: z.ZodType<string | undefined, string | undefined> = z.string().optional();

/** One of a few words. */
export function oneOf<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodType<T[number], string | undefined> {
  return z.enum(words, { error: `must be one of ${words.join(', ')}` });
}
