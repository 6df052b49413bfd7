import { execFile } from 'node:child_process';
import { globSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The declarations of our packages, as they are published. */
export interface PublicTypes {
  /** Declaration file of each door, by what an application imports: `@longshore/sdk/postgres`. */
  readonly doors: ReadonlyMap<string, string>;
  /**
   * Checks files against them, as an application would that has installed the packages: `strict`, `exactOptionalPropertyTypes`, and our
   * declarations and those that they need checked too (`skipLibCheck: false`).
   *
   * @param files texts by their names.
   * @returns what the compiler says, one line for each error.
   */
  check(files: ReadonlyMap<string, string>): Promise<readonly string[]>;
}

interface Manifest {
  readonly name: string;
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
}

const SOURCE = '@longshore/source';

/**
 * Writes the declarations of our libraries and plugins.
 *
 * @param root the repository's folder.
 * @param folder an empty one below it, so that packages are found from there.
 */
export async function writePublicTypes(root: string, folder: string): Promise<PublicTypes> {
  const sources = doorsOf(root);
  const errors = await tsc(root, folder, 'declarations.json', {
    extends: join(root, 'tsconfig.base.json'),
    compilerOptions: {
      composite: false,
      declarationMap: false,
      sourceMap: false,
      emitDeclarationOnly: true,
      // Whether the sources are right is looked at elsewhere.
      noCheck: true,
      rootDir: root,
      outDir: join(folder, 'types'),
      // Not by way of node_modules: what is found there counts as somebody else's, whose declarations are not written.
      paths: Object.fromEntries([...sources].map(([door, file]) => [door, [join(root, file)]])),
    },
    files: [...sources.values()].map((file) => join(root, file)),
  });
  if (errors.length > 0) throw new Error(errors.join('\n'));
  const doors = new Map(
    [...sources].map(([door, file]) => [door, join(folder, 'types', file.replace(/\.ts$/, '.d.ts'))]),
  );
  return {
    doors,
    check: async (files) => {
      await mkdir(join(folder, 'files'), { recursive: true });
      for (const [name, text] of files) await writeFile(join(folder, 'files', name), text);
      return tsc(root, folder, 'files.json', {
        compilerOptions: {
          target: 'es2024',
          lib: ['es2024'],
          module: 'nodenext',
          types: ['node'],
          strict: true,
          exactOptionalPropertyTypes: true,
          skipLibCheck: false,
          noEmit: true,
          allowImportingTsExtensions: true,
          paths: Object.fromEntries([...doors].map(([door, file]) => [door, [file]])),
        },
        files: [...files.keys()].map((name) => join(folder, 'files', name)),
      });
    },
  };
}

/** Source file of each door, by what is imported. */
function doorsOf(root: string): ReadonlyMap<string, string> {
  const doors = new Map<string, string>();
  for (const path of globSync('{libs,plugins}/*/package.json', { cwd: root })) {
    const { name, exports = {} } = JSON.parse(readFileSync(join(root, path), 'utf8')) as Manifest;
    for (const [door, targets] of Object.entries(exports)) {
      const source = typeof targets === 'string' ? undefined : targets[SOURCE];
      if (source !== undefined) doors.set(join(name, door), join(path, '..', source));
    }
  }
  return doors;
}

const run = promisify(execFile);

/** Runs the compiler with these options, and returns its errors. */
async function tsc(root: string, folder: string, name: string, options: object): Promise<readonly string[]> {
  const config = join(folder, name);
  await writeFile(config, JSON.stringify(options));
  const bin = join(root, 'node_modules/@typescript/native/bin/tsc');
  const output = await run(process.execPath, [bin, '--project', config, '--pretty', 'false'], {
    cwd: folder,
    maxBuffer: 64 * 1024 * 1024,
  }).then(
    ({ stdout }) => stdout,
    (failed: unknown) => outputOf(failed),
  );
  return output.split('\n').filter((line) => line !== '');
}

/** What a compiler said that found errors, or why it could not run. */
function outputOf(failed: unknown): string {
  const { stdout = '', stderr = '' } = failed as { readonly stdout?: string; readonly stderr?: string };
  return stdout || stderr || String(failed);
}
