import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publishedManifest } from './published-manifest.ts';
import { publishedPackages, type WorkspacePackage } from './published-packages.ts';

interface Packed {
  readonly name: string;
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/**
 * Packs every published package of a workspace that is built.
 *
 * @param root the workspace's absolute path.
 * @param to an absolute path, made if need be: where the tarballs go.
 * @returns the tarballs' absolute paths.
 * @throws {Error} when a package is not built, or npm fails.
 */
export function packPackages(root: string, to: string): readonly string[] {
  const staging = mkdtempSync(join(tmpdir(), 'longshore-packing-'));
  try {
    mkdirSync(to, { recursive: true });
    const published = publishedPackages(root);
    // One call of npm for all of them: it takes a second to start.
    const listed = npmPack(root, ['--dry-run', ...published.map(({ manifest }) => `--workspace=${manifest.name}`)]);
    const staged = published.map((each, index) => {
      const files = listed.find(({ name }) => name === each.manifest.name)?.files ?? [];
      return stage(each, files, join(staging, String(index)));
    });
    return npmPack(staging, [...staged, '--pack-destination', to]).map(({ filename }) => join(to, filename));
  } finally {
    rmSync(staging, { recursive: true });
  }
}

/** Copies what npm would pack, so that the manifest can be another one and the checkout stays as it is. */
function stage({ folder, manifest }: WorkspacePackage, files: Packed['files'], to: string): string {
  if (!isBuilt(folder)) throw new Error(`${manifest.name} is not built; run "npm run build" first`);
  for (const { path } of files) cpSync(join(folder, path), join(to, path));
  writeFileSync(join(to, 'package.json'), `${JSON.stringify(publishedManifest(manifest), null, 2)}\n`);
  return to;
}

function isBuilt(folder: string): boolean {
  return !existsSync(join(folder, 'tsconfig.lib.json')) || existsSync(join(folder, 'dist', 'index.js'));
}

function npmPack(cwd: string, args: readonly string[]): readonly Packed[] {
  const answer = execFileSync('npm', ['pack', '--json', ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(answer) as readonly Packed[];
}
