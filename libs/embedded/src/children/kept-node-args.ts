/**
 * The `--conditions` of a Node process, to be passed to a child: whoever runs from sources must start children that
 * resolve the workspace's packages to sources as well. Other flags (`--inspect`, `--test`) belong to one process only.
 */
export function keptNodeArgs(execArgv: readonly string[]): string[] {
  const kept: string[] = [];
  for (const [index, arg] of execArgv.entries()) {
    if (arg.startsWith('--conditions=')) kept.push(arg);
    const next = execArgv[index + 1];
    if ((arg === '--conditions' || arg === '-C') && next !== undefined) kept.push(`--conditions=${next}`);
  }
  return [...new Set(kept)];
}
