'use strict';

const childProcess = require('child_process');
const process = require('process');

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];

/**
 * Runs a module in a child of another Node, with this process's arguments, streams and signals, and ends as the child ends.
 *
 * The child has an IPC channel, on which nothing is sent: it closes when this process is killed, and the child ends with
 * it. A Ctrl-C of a terminal reaches the child directly and forwarded; it has to take the two for one.
 *
 * @param {string} node the path of the binary.
 * @param {string[]} nodeArgs options of Node, before the module.
 * @param {string} main the module's absolute path.
 * @param {Record<string, string>} env what the child's environment has beside this one's.
 * @param {(reason: string) => void} onFailure called when the child cannot be started.
 */
function runAsChild(node, nodeArgs, main, env, onFailure) {
  const child = childProcess.spawn(node, nodeArgs.concat(main, process.argv.slice(2)), {
    stdio: streams(process.env.LONGSHORE_PARENT_FD),
    env: Object.assign({}, process.env, env),
  });
  for (const signal of FORWARDED) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => onFailure(`${node} cannot be started: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code);
    for (const each of FORWARDED) process.removeAllListeners(each);
    process.kill(process.pid, signal);
  });
}

/** A pipe from the process that started this one is the child's too: a service reports on it that it is ready. */
function streams(parentFd) {
  const list = ['inherit', 'inherit', 'inherit'];
  const fd = Number(parentFd);
  if (Number.isInteger(fd) && fd > 2) {
    while (list.length < fd) list.push('ignore');
    list.push(fd);
  }
  return list.concat('ipc');
}

module.exports = { runAsChild };
