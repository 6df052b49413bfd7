export { COMMON_OPTIONS, LEADER_OPTIONS } from './common-options.ts';
export { leadWhileElected, type LeaderOptions } from './lead-while-elected.ts';
export {
  HelpShown,
  integer,
  oneOf,
  optionalText,
  parseOptions,
  text,
  type ConfigOf,
  type OptionSet,
  type OptionSpec,
} from './option-set.ts';
export { duringStart } from './during-start.ts';
export { FailureLog } from './failure-log.ts';
export { LeftOutNotes } from './left-out-notes.ts';
export { loggedRounds } from './logged-rounds.ts';
export { FILE_SUFFIX, readSecret } from './read-secret.ts';
export {
  runService,
  type CommonConfig,
  type RunningService,
  type ServiceContext,
  type ServiceDefinition,
} from './run-service.ts';
export { startLoop, type LoopOptions, type WakeableLoop } from './wakeable-loop.ts';
