'use strict';

const fs = require('fs');
const path = require('path');
const process = require('process');
const compileCache = require('./compile-cache.cjs');
const { endWithNpm } = require('./end-with-npm.cjs');
const findNode = require('./find-node.cjs');
const runAsChild = require('./run-as-child.cjs');
const versions = require('./versions.cjs');

const SOURCE_CONDITION = '--conditions=@longshore/source';

/**
 * Runs a program of Longshore: under Node 24 where it stands beside the program's package, else under this Node if it is
 * 22.12 or later. An older one gets one line on stderr and the exit code. In a checkout the TypeScript sources run, so
 * nothing has to be built; they need Node 24.
 *
 * @param {object} program
 * @param {string} program.name as the user typed it, such as `longshore-owner`.
 * @param {string} program.package the package's absolute path; it has `src/main.ts` (checkout) or `dist/main.js` (installed).
 * @param {number} program.refusal exit code when there is no Node to run it with.
 * @param {boolean} [program.hasCompileCache] keeps compiled code between starts: for what starts often. Default: no.
 */
function launch(program) {
  const source = path.join(program.package, 'src', 'main.ts');
  // A published package carries no sources.
  const isCheckout = fs.existsSync(source);
  const main = isCheckout ? source : path.join(program.package, 'dist', 'main.js');
  const cacheFolder = program.hasCompileCache === true ? compileCache.compileCacheFolder() : undefined;
  const refuse = (reason) => {
    process.stderr.write(`error NODE_NOT_FOUND: ${reason}\n`);
    process.exitCode = program.refusal;
  };

  const isPreferred = versions.isAtLeast(process.version, versions.PREFERRED);
  const node = isPreferred ? process.execPath : findNode.findNode(program.package);
  const isEnough = versions.isAtLeast(process.version, isCheckout ? versions.PREFERRED : versions.LEAST);
  endWithNpm();
  if (!isCheckout && (isPreferred || (node === undefined && isEnough))) {
    // A rejection that nobody takes ends the process with its stack, as it does when the module is started itself.
    void require('./run-here.cjs').runHere(main, cacheFolder);
  } else if (node === undefined) {
    refuse(tooOld(program.name, isCheckout));
  } else {
    const env = cacheFolder === undefined ? {} : { NODE_COMPILE_CACHE: cacheFolder };
    runAsChild.runAsChild(node, isCheckout ? [SOURCE_CONDITION] : [], main, env, refuse);
  }
}

function tooOld(name, isCheckout) {
  const found = `this is ${process.version}, and no Node 24 is installed beside it`;
  return isCheckout
    ? `${name} needs Node 24 or later in a checkout; ${found}. Run "npm ci" (on Linux it brings Node 24), or install Node 24.`
    : `${name} needs Node 22.12 or later; ${found}. Install a later Node and start ${name} with it.`;
}

/**
 * Why this Node must not run an installed package: for what may be started without `launch`.
 *
 * @param {string} name of the program.
 * @returns {string | undefined} one line for the user; undefined: this Node is recent enough.
 */
function refusalOf(name) {
  if (versions.isAtLeast(process.version, versions.LEAST)) return undefined;
  return `${name} needs Node 22.12 or later; this is ${process.version}. Install a later Node and start ${name} with it.`;
}

module.exports = { endWithNpm, launch, refusalOf };
