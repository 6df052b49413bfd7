import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { balancerService } from '@longshore/balancer';
import { executorService } from '@longshore/executor';
import { nodeManagerService } from '@longshore/node-manager';
import { ownerService } from '@longshore/owner';
import { COMMON_OPTIONS, parseOptions, type OptionSet } from '@longshore/service';
import { buildProgram } from 'longshore';
import { describe, expect, test } from 'vitest';
import { readCommands, type DocumentedCommand } from '../src/read-commands.ts';
import { readPages, readSnippets } from '../src/read-snippets.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Commands by the place where they are shown. */
type Shown = DocumentedCommand & { readonly at: string };

const pages = readPages(root);
/** A page without its blocks of code, which have backticks of their own. */
const withoutBlocks = (text: string): string => text.replace(/^```[^]*?^```/gm, '');

/** What a reader may paste: whole commands. */
const whole: readonly Shown[] = pages.flatMap((page) =>
  readSnippets(root, page)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ line, text }) => readCommands(text).map((command) => ({ ...command, at: `${page}:${line}` }))),
);
/** What sentences name, perhaps without what it needs: `longshore task pause`. */
const named: readonly Shown[] = pages.flatMap((page) =>
  [
    ...withoutBlocks(readFileSync(`${root}${page}`, 'utf8')).matchAll(
      /`((?:(?:npx )?longshore|npm (?:run|ci|cit|test))(?: [^`\n]*)?)`/g,
    ),
  ]
    .flatMap(([, text = '']) => readCommands(text))
    .map((command) => ({ ...command, at: page })),
);
/** What the help of the command line shows. */
const helped: readonly Shown[] = globSync('apps/cli/src/**/*.ts', { cwd: root }).flatMap((file) =>
  [
    ...readFileSync(`${root}${file}`, 'utf8')
      .replaceAll('\\\\\n', ' ')
      .matchAll(/^ +\$ (.*)$/gm),
  ]
    .flatMap(([, text = '']) => readCommands(text.replace(/ {3,}.*/, '')))
    .map((command) => ({ ...command, at: file })),
);

/** A program of the command line that parses and does nothing. */
function parser(): ReturnType<typeof buildProgram> {
  const program = buildProgram(
    {
      program: 'longshore',
      env: {},
      // Nothing is there that a command could touch.
      cwd: '/nowhere',
      signal: new AbortController().signal,
      print: () => undefined,
      note: () => undefined,
      setExitCode: () => undefined,
    },
    '0.0.0',
  );
  // All of them, also those that have commands of their own: `longshore dev` would start a cluster.
  const silence = (command: typeof program): void => {
    if (command !== program) command.action(() => undefined);
    command.commands.forEach(silence);
  };
  silence(program);
  return program;
}

const SERVICES: Readonly<Record<string, OptionSet>> = Object.fromEntries(
  [ownerService, nodeManagerService, balancerService, executorService].map(({ name, options }) => [
    `longshore-${name}`,
    { ...COMMON_OPTIONS, ...options },
  ]),
);
const scripts = Object.keys(
  (JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { readonly scripts: Readonly<Record<string, string>> })
    .scripts,
);
const generateOf = (workspace: string): boolean =>
  globSync('{apps,libs,plugins,tools,test}/*/package.json', { cwd: root }).some((file) => {
    const { name, scripts: own = {} } = JSON.parse(readFileSync(`${root}${file}`, 'utf8')) as {
      readonly name: string;
      readonly scripts?: Readonly<Record<string, string>>;
    };
    return name === workspace && 'generate' in own;
  });

function checkNpm(words: readonly string[]): void {
  const [verb = '', script = '', flag, workspace = ''] = words;
  if (flag === '--workspace') expect(generateOf(workspace), workspace).toBe(true);
  // Without a name it is npm's command itself that is meant.
  else if (verb === 'run' && script !== '') expect(scripts).toContain(script);
  else expect(['ci', 'cit', 'run', 'test']).toContain(verb);
}

/** Variables of an executor whose names have a part of the user's own. */
const OWN_NAMES = /^(LONGSHORE_(GATE_)?CONNECTION_[A-Z0-9_]+|OTEL_[A-Z_]+)$/;

function checkService(name: string, { words, env }: DocumentedCommand): void {
  const options = SERVICES[name] ?? {};
  const variables = Object.values(options).map((option) => option.env);
  for (const variable of Object.keys(env)) if (!OWN_NAMES.test(variable)) expect(variables).toContain(variable);
  // `…` stands for what differs from place to place.
  const args = words.slice(1).filter((word) => word !== '…');
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => !value.includes('…')));
  const needed = { LONGSHORE_DATABASE_URL: 'postgres://here/longshore', LONGSHORE_NODE_ID: 'here' };
  parseOptions(name, '', options, args, { ...needed, ...given });
}

/** Whether such a command exists, with such flags. */
function checkNamed(words: readonly string[]): void {
  let command = parser();
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next !== undefined) command = next;
    else if (word.startsWith('--') && word !== '--help' && word !== '--version') {
      expect(
        command.options.map(({ long }) => long),
        command.name(),
      ).toContain(word.split('=')[0]);
    } else if (command.commands.length > 0 && command.name() !== 'dev') {
      expect(word, `no command of ${command.name()}`).toMatch(/^(--help|--version|…)$/);
    }
  }
}

/** What a shell has, in examples around our commands. */
const NOT_OURS = ['df', 'echo', 'jq', 'printf'];

async function check({ words, env }: Shown): Promise<void> {
  const [program = '', ...args] = words;
  if (program === 'longshore') {
    checkNamed(args);
    await parser().parseAsync(args, { from: 'user' });
  } else if (program === 'npm') checkNpm(args);
  else if (program in SERVICES) checkService(program, { words, env });
  else expect(NOT_OURS, `is ${program} a program of ours?`).toContain(program);
}

describe('commands that a reader may paste are right by the parser of their program', () => {
  test('there are some', () => {
    expect(whole.length).toBeGreaterThan(20);
    expect(helped.length).toBeGreaterThan(20);
  });

  test.each(whole)('$at $words', (shown) => check(shown));
});

test.each(helped)('$at: the help shows $words', (shown) => check(shown));

test.each(named)('$at: there is $words', ({ words: [program = '', ...args] }) => {
  if (program === 'npm') checkNpm(args);
  else checkNamed(args);
});
