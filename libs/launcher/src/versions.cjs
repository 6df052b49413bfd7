'use strict';

/** The oldest Node that runs an installed package. */
const LEAST = '22.12.0';
/** The Node that Longshore is developed on, preferred where it is found. Sources run on nothing older. */
const PREFERRED = '24.0.0';

/**
 * Whether a version is at least another one.
 *
 * @param {string} version as `process.version` or `node --version` says it, with or without the `v`; anything else is too old.
 * @param {string} least `major.minor.patch`.
 * @returns {boolean}
 */
function isAtLeast(version, least) {
  const found = numbersOf(version);
  const wanted = numbersOf(least);
  for (let i = 0; i < wanted.length; i++) {
    if (found[i] !== wanted[i]) return found[i] > wanted[i];
  }
  return true;
}

function numbersOf(version) {
  const match = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version.trim());
  return match === null ? [0, 0, 0] : match.slice(1).map(Number);
}

module.exports = { LEAST, PREFERRED, isAtLeast };
