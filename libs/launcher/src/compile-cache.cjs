'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const process = require('process');

/**
 * Where compiled code is kept, so that a command starts in half of the time: `NODE_COMPILE_CACHE`, otherwise a folder
 * of this user alone, because code that another user could write must not run.
 *
 * @returns {string | undefined} undefined when there is no such folder.
 */
function compileCacheFolder() {
  return process.env.NODE_COMPILE_CACHE || privateFolder();
}

function privateFolder() {
  const uid = process.getuid === undefined ? undefined : process.getuid();
  const folder = path.join(os.tmpdir(), `longshore-compile-cache-${uid === undefined ? 'user' : uid}`);
  try {
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const found = fs.lstatSync(folder);
    const isPrivate = found.isDirectory() && (found.mode & 0o022) === 0 && (uid === undefined || found.uid === uid);
    return isPrivate ? folder : undefined;
  } catch (_error) {
    return undefined;
  }
}

module.exports = { compileCacheFolder };
