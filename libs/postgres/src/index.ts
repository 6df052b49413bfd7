export { DestroyableSockets } from './destroyable-sockets.ts';
export { endingBlockers, type BlockerRule, type BlockerWatch, type SendStatement } from './end-blockers.ts';
export { runStatements, type StatementOptions, type StatementResult } from './run-statements.ts';
export { openSessionPool, type SessionLimits, type SessionPool, type SessionPoolOptions } from './session-pool.ts';
export { startUpOptions, type SessionSettings } from './start-up-options.ts';
