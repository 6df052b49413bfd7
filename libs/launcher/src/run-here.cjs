'use strict';

// Loaded only once this Node is known to be recent enough: older ones cannot parse `import()`.
const nodeModule = require('node:module');
const url = require('node:url');

/**
 * Runs a module as this process.
 *
 * @param {string} main an absolute path.
 * @param {string | undefined} cacheFolder where compiled code is kept; undefined: nowhere.
 * @returns {Promise<unknown>} rejects with what the module throws.
 */
function runHere(main, cacheFolder) {
  if (cacheFolder !== undefined) nodeModule.enableCompileCache(cacheFolder);
  return import(url.pathToFileURL(main).href);
}

module.exports = { runHere };
