import type { Manifest } from './published-packages.ts';

/**
 * The oldest Node that runs a published package: the first long-term release of the oldest line that is alive. The
 * launcher refuses what is older; a test holds the two together.
 */
export const LEAST_NODE = '22.12';

/**
 * The manifest that a package is published with. `engines` stands here and not in the checkout, where `npm ci` on an older
 * Node would warn once for each package, though nothing runs on that Node.
 */
export function publishedManifest(manifest: Manifest): Manifest {
  const { nx: _nx, devDependencies: _devDependencies, ...rest } = manifest;
  return { ...rest, engines: { node: `>=${LEAST_NODE}` } };
}
