#!/usr/bin/env node
/**
 * Starts the command line on Node 24, whatever Node this file was started with (20 or later): a source checkout and an
 * installed package both bring their own. From a checkout it runs the TypeScript sources, so that nothing has to be built.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const LEAST_MAJOR = 24;
const SOURCE_CONDITION = '--conditions=@longshore/source';

const here = dirname(fileURLToPath(import.meta.url));
const sourceMain = join(here, '..', 'src', 'main.ts');
// A published package carries no sources.
const isCheckout = existsSync(sourceMain);
const main = isCheckout ? sourceMain : join(here, '..', 'dist', 'main.js');

const isRecent = majorOf(process.version) >= LEAST_MAJOR;
const cacheFolder = process.env.NODE_COMPILE_CACHE ?? privateCacheFolder();

if (isRecent && !isCheckout) {
  if (cacheFolder !== undefined) nodeModule.enableCompileCache?.(cacheFolder);
  await import(pathToFileURL(main).href);
} else {
  const node = isRecent ? process.execPath : findNode();
  if (node === undefined) refuse();
  else runWith(node);
}

/** Runs the real command in a child of the right version and becomes as transparent as a process can be. */
function runWith(node) {
  const child = spawn(node, [...(isCheckout ? [SOURCE_CONDITION] : []), main, ...process.argv.slice(2)], {
    // The channel carries nothing: it closes when this process is killed, and the child ends with it.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ...(cacheFolder === undefined ? {} : { NODE_COMPILE_CACHE: cacheFolder }) },
  });
  // A Ctrl-C of the terminal reaches the child directly as well; it takes the two for one.
  const forwarded = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`error NODE_NOT_FOUND: ${node} cannot be started: ${error.message}\n`);
    process.exitCode = 7;
  });
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 7);
    for (const each of forwarded) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}

/** A Node of the right version beside this package or beside one of its parents. */
function findNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const modules = join(folder, 'node_modules');
    const candidates = [
      join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node'),
      join(modules, '.bin', 'node'),
    ];
    const found = candidates.find((path) => existsSync(path) && isRecentNode(path));
    if (found !== undefined) return found;
    if (folder === dirname(folder)) return undefined;
  }
}

function isRecentNode(path) {
  const { stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' });
  return majorOf(stdout ?? '') >= LEAST_MAJOR;
}

function majorOf(version) {
  return Number(/^v(\d+)\./.exec(version)?.[1] ?? 0);
}

/** A folder of this user alone: code that another user could write must not be run. */
function privateCacheFolder() {
  const uid = process.getuid?.() ?? 'user';
  const folder = join(tmpdir(), `longshore-compile-cache-${uid}`);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = lstatSync(folder);
    const isPrivate = found.isDirectory() && (found.mode & 0o022) === 0 && (uid === 'user' || found.uid === uid);
    return isPrivate ? folder : undefined;
  } catch {
    return undefined;
  }
}

function refuse() {
  process.stderr.write(
    `error NODE_NOT_FOUND: longshore needs Node ${LEAST_MAJOR} or later; this is ${process.version}, and no later one is installed beside it.\n` +
      `what to do: run \`npm ci\` (Linux brings its own Node ${LEAST_MAJOR}), or install Node ${LEAST_MAJOR} and start longshore with it.\n`,
  );
  process.exitCode = 7;
}
