export { EXIT, EXIT_CODE_HELP, type ExitCode } from './exit-codes.ts';
export type { CommandContext } from './command-context.ts';
export { buildProgram } from './program.ts';
export { CLI_ERROR_CODES, CliError, type CliErrorCode } from './cli-error.ts';
export { devServices, type DevServiceOptions } from './dev/dev-services.ts';
export { followTask, type FollowOptions } from './progress/follow-task.ts';
export { measureSpeed, type Amount, type Speed } from './progress/measure-speed.ts';
export type { ProgressDisplay } from './progress/progress-display.ts';
export { progressBars } from './progress/progress-bars.ts';
export { progressLines } from './progress/progress-lines.ts';
export { nodeText, progressLine, stepText, taskText } from './progress/progress-text.ts';
export { readProgress, type NodeView, type ProgressView, type StepView } from './progress/read-progress.ts';
export { addSample, SPEED_WINDOW_MS, type Sample } from './progress/samples.ts';
export { isTerminal, showProgress } from './progress/show-progress.ts';
export { LiveLines } from './terminal/live-lines.ts';
export { fieldsText, tableText } from './output/table.ts';
export {
  formatBytes,
  formatBytesPerSecond,
  formatCount,
  formatCountOf,
  formatDuration,
} from './output/format-values.ts';
export { taskSummary } from './output/task-summary.ts';
export { announce, type DevFolder } from './dev/dev-folder.ts';
