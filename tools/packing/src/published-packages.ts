import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A `package.json`, as far as packing reads it. */
export interface Manifest extends Readonly<Record<string, unknown>> {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly workspaces?: readonly string[];
}

export interface WorkspacePackage {
  /** Absolute path. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** The packages of a workspace that are published: all that are not private, by folder. */
export function publishedPackages(root: string): readonly WorkspacePackage[] {
  const { workspaces = [] } = readManifest(root);
  return globSync(
    workspaces.map((pattern) => `${pattern}/package.json`),
    { cwd: root },
  )
    .toSorted()
    .map((file) => join(root, file, '..'))
    .map((folder) => ({ folder, manifest: readManifest(folder) }))
    .filter(({ manifest }) => manifest.private !== true);
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}
