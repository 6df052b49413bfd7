import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { LongshoreError } from '@longshore/core';

/**
 * Finds a task-type package: a path relative to the working directory, a package installed there, or one installed beside the
 * executor.
 *
 * @throws {LongshoreError} PLUGIN_LOAD_FAILED.
 */
export function resolvePlugin(name: string, workingDirectory: string): string {
  if (name.startsWith('file:')) return name;
  if (name.startsWith('.') || name.startsWith('/')) return pathToFileURL(resolve(workingDirectory, name)).href;
  try {
    return pathToFileURL(createRequire(resolve(workingDirectory, 'package.json')).resolve(name)).href;
  } catch {
    // Not installed where the executor runs: look beside it.
  }
  try {
    return import.meta.resolve(name);
  } catch (cause) {
    throw new LongshoreError(
      'PLUGIN_LOAD_FAILED',
      `package ${name} is installed neither in ${workingDirectory} nor beside the executor; install it, or fix LONGSHORE_PLUGINS`,
      { cause },
    );
  }
}
