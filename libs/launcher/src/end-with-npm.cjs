'use strict';

const process = require('process');
const timers = require('timers');

/** Soon enough for a person who stops a cluster, and nothing beside what a program does. */
const LOOK_EVERY_MS = 500;

/**
 * Sends this process a SIGTERM once the npm that started it has ended: `npx longshore dev`, or a script of `npm run`. npm ends at a
 * SIGTERM, and its shell with it, and neither hands the signal on: what they started would stay behind. Does nothing without npm.
 */
function endWithNpm() {
  if (process.env.npm_lifecycle_event === undefined) return;
  const parent = process.ppid;
  const looking = timers.setInterval(() => {
    if (process.ppid === parent) return;
    timers.clearInterval(looking);
    process.kill(process.pid, 'SIGTERM');
  }, LOOK_EVERY_MS);
  // It keeps nobody up.
  looking.unref();
}

module.exports = { endWithNpm };
