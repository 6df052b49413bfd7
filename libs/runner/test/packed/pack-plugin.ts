import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { onTestFinished } from 'vitest';

const sdk = fileURLToPath(new URL('../../../sdk/', import.meta.url));

/**
 * Lays out a plugin as npm installs it where versions differ: its JavaScript in `node_modules` of a folder of its own, beside a copy
 * of the SDK of another patch version.
 *
 * @param file the plugin's source, beside this file.
 * @param patch changes the SDK's copy: file of its `dist` to what becomes of its text.
 * @returns the URL of the plugin's module. The folder goes with the test.
 */
export function packPlugin(file: string, patch: Readonly<Record<string, (text: string) => string>> = {}): string {
  const root = mkdtempSync(join(tmpdir(), 'longshore-packed-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  const modules = join(root, 'node_modules');
  const sources = globSync('src/**/*.ts', { cwd: sdk });
  for (const source of sources) {
    const name = source.replace(/^src/, 'dist').replace(/\.ts$/, '.js');
    const text = compile(readFileSync(join(sdk, source), 'utf8'));
    write(join(modules, '@longshore/sdk', name), patch[name.slice('dist/'.length)]?.(text) ?? text);
  }
  const manifest = JSON.parse(readFileSync(join(sdk, 'package.json'), 'utf8')) as { version: string; exports: unknown };
  write(join(modules, '@longshore/sdk/package.json'), JSON.stringify(packedManifest(manifest)));
  const source = readFileSync(new URL(file, import.meta.url), 'utf8');
  write(join(modules, 'packed-plugin/dist/index.js'), compile(source));
  const plugin = { name: 'packed-plugin', version: '1.0.0', type: 'module', exports: './dist/index.js' };
  write(join(modules, 'packed-plugin/package.json'), JSON.stringify(plugin));
  return pathToFileURL(join(modules, 'packed-plugin/dist/index.js')).href;
}

function compile(source: string): string {
  const compilerOptions = {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    rewriteRelativeImportExtensions: true,
    verbatimModuleSyntax: true,
  };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

/** The next patch version, without the workspace's sources. */
function packedManifest(manifest: { readonly version: string; readonly exports: unknown }): object {
  const [major, minor, patch] = manifest.version.split('.');
  const exports: unknown = JSON.parse(JSON.stringify(manifest.exports), (key, value: unknown) =>
    key === '@longshore/source' ? undefined : value,
  );
  return { ...manifest, exports, version: `${major}.${minor}.${Number(patch) + 1}` };
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
