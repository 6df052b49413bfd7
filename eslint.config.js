import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import prettier from 'eslint-config-prettier';
import tseslint from 'typescript-eslint';
import { noOwnInstanceof } from './eslint-no-own-instanceof.js';

/** Which packages of ours a package may import; the arrows of docs/architecture.md. */
const arrows = {
  core: [],
  launcher: [],
  protocol: ['core'],
  bus: ['core', 'protocol'],
  faults: [],
  postgres: [],
  store: ['core', 'faults', 'postgres'],
  telemetry: [],
  sdk: [],
  effects: ['core', 'sdk', 'faults', 'postgres'],
  runner: ['core', 'sdk', 'effects', 'telemetry', 'faults'],
  service: ['core', 'launcher', 'protocol', 'store', 'bus', 'telemetry'],
  client: ['core', 'protocol', 'bus'],
  embedded: [],
  'test-kit': [],
  'testing-plugins': ['sdk', 'effects', 'embedded'],
  testing: ['client', 'embedded', 'sdk', 'faults', 'test-kit'],
  owner: ['core', 'launcher', 'protocol', 'store', 'bus', 'telemetry', 'service'],
  'node-manager': ['core', 'launcher', 'protocol', 'store', 'bus', 'telemetry', 'service'],
  balancer: ['core', 'launcher', 'protocol', 'store', 'bus', 'telemetry', 'service'],
  executor: [
    'core',
    'launcher',
    'protocol',
    'store',
    'bus',
    'telemetry',
    'service',
    'sdk',
    'effects',
    'runner',
    'faults',
  ],
  cli: [
    'core',
    'launcher',
    'protocol',
    'client',
    'embedded',
    'postgres',
    'store',
    'effects',
    'owner',
    'node-manager',
    'balancer',
    'executor',
    'plugin',
  ],
  plugin: ['sdk'],
};

/** The boundary rule: sources follow the arrows; tests may also start the embedded servers or a cluster, and use a real target. */
function boundaries(alsoAllowed = []) {
  return [
    'error',
    {
      enforceBuildableLibDependency: true,
      allow: [],
      depConstraints: [
        ...Object.entries(arrows).map(([from, to]) => ({
          sourceTag: `pkg:${from}`,
          onlyDependOnLibsWithTags: [...to, ...alsoAllowed].map((name) => `pkg:${name}`),
        })),
        { sourceTag: 'pkg:tools', onlyDependOnLibsWithTags: ['*'] },
        { sourceTag: 'pkg:test', onlyDependOnLibsWithTags: ['*'] },
      ],
    },
  ];
}

/**
 * The rule about imports by name, whole. A later block of the configuration replaces the rule of an earlier one instead of adding to it, so
 * each block takes its rule from here.
 */
function restrictedImports({ isDriverAllowed }) {
  const drivers = ['pg', 'pg-copy-streams', 'kysely'];
  const message = 'Postgres is reached through @longshore/store, @longshore/effects, or @longshore/postgres.';
  return [
    'error',
    {
      paths: isDriverAllowed ? [] : drivers.map((name) => ({ name, message })),
      patterns: [
        {
          group: ['@longshore/*/src', '@longshore/*/src/**', '@longshore/*/dist', '@longshore/*/dist/**'],
          message: 'Import through the package door.',
        },
      ],
    },
  ];
}

export default tseslint.config(
  { ignores: ['**/dist', '**/out-tsc', '**/.nx', '**/coverage'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  prettier,
  {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { '@nx': nx, longshore: { rules: { 'no-own-instanceof': noOwnInstanceof } } },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(),
      'longshore/no-own-instanceof': 'error',
      // It begins empty: packages of task types add to it.
      '@typescript-eslint/no-empty-object-type': ['error', { allowWithName: '^TaskTypes$' }],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
      'no-restricted-imports': restrictedImports({ isDriverAllowed: false }),
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what the door exports, so that it says what is public.' },
      ],
    },
  },
  {
    // Tests and tools too may look at a database themselves.
    files: [
      'libs/sdk/src/postgres/kysely.ts',
      ...['postgres', 'store', 'effects', 'testing-plugins'].map((name) => `libs/${name}/**/*.ts`),
      'plugins/**/*.ts',
      'tools/**/*.ts',
      'test/**/*.ts',
      '**/test/**/*.ts',
    ],
    rules: { 'no-restricted-imports': restrictedImports({ isDriverAllowed: true }) },
  },
  {
    files: ['**/*.test.ts', 'test/**/*.ts', '**/test/**/*.ts'],
    rules: {
      '@nx/enforce-module-boundaries': boundaries(['embedded', 'test-kit', 'testing', 'testing-plugins', 'effects']),
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Asymmetric matchers are typed `any`.
      '@typescript-eslint/no-unsafe-assignment': 'off',
    },
  },
  {
    // What a task type's package offers to applications: types of the client, and nothing that runs on executors.
    files: ['plugins/*/src/client.ts'],
    rules: { '@nx/enforce-module-boundaries': boundaries(['client']) },
  },
  { files: ['**/*.js', '**/*.mjs', '**/*.cjs', '**/*.cts'], extends: [tseslint.configs.disableTypeChecked] },
  {
    // What old Nodes must be able to parse is CommonJS.
    files: ['**/*.cjs'],
    languageOptions: { sourceType: 'commonjs', globals: { __dirname: 'readonly' } },
    rules: {
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { caughtErrorsIgnorePattern: '^_' }],
    },
  },
);
