export type { RetryColumns, TypeDefaults } from './schema/database.ts';
export { isStoreAway, openStore, SCHEMA, storeError, type Store, type StoreOptions } from './session/open-store.ts';
export { checkSchema, migrateStore, type MigrateResult } from './schema/migrate.ts';
export { pingStore } from './session/ping-store.ts';
export { checkSessions } from './session/check-sessions.ts';
export { storeRefusal } from './session/store-refusal.ts';
export { readTogether, type Db } from './session/transactions.ts';
export { isDataRefusal } from './session/data-refusal.ts';
export { eachOnItsOwn, isRowLocked, LockPatience, type LeftOut } from './session/lock-patience.ts';
export {
  asLeader,
  electLeader,
  renewLeadership,
  resignLeadership,
  type LeaderLease,
  type LeaseName,
} from './scheduling/leader-lease.ts';
export type { Actor } from './tasks/actor.ts';
export { submitTask, type NewTask } from './tasks/submit-task.ts';
export type { SubmitCall } from './tasks/decide-run.ts';
export { readSubmitted, type SubmittedRequest } from './tasks/submitted-task.ts';
export { listenForSubmits, type SubmitListener } from './tasks/listen-for-submits.ts';
export type { TaskSettings } from './tasks/task-settings.ts';
export { cancelTask, endCleanUp } from './tasks/cancel-task.ts';
export { pauseTask, type ControlResult } from './tasks/pause-task.ts';
export { resumeTask } from './tasks/resume-task.ts';
export { modifyTask } from './tasks/modify-task.ts';
export { restartTask, type NextRun } from './tasks/restart-task.ts';
export { retryTask, revertTask, skipFailed, type SkipResult } from './tasks/resolve-task.ts';
export { readSettings, saveSettings, type ClusterSettings } from './cluster/cluster-settings.ts';
export { agreeOnLease, type WantedLease } from './cluster/lease-settings.ts';
export type { NodeIdentity, SubtaskAttempt } from './claims/holder.ts';
export { claimSubtasks, type ClaimedSubtask, type ClaimRequest } from './claims/claim-subtasks.ts';
export { claimUnlocked } from './claims/claim-unlocked.ts';
export {
  readClaimableWork,
  readTaskStates,
  type ClaimableControl,
  type ClaimableWork,
  type RunnableTask,
  type RunningTaskState,
} from './claims/claimable-work.ts';
export { readTaskForRunner, type TaskForRunner } from './claims/task-for-runner.ts';
export { settleSubtasks, type Settlement, type SettleResult } from './settlements/settle-subtasks.ts';
export {
  beginUndo,
  raiseAttempt,
  saveCheckpoint,
  saveProgress,
  type AttemptProgress,
} from './settlements/holder-writes.ts';
export { releaseUnknown } from './settlements/release-unknown.ts';
export {
  checkStepIsNew,
  clearAbandonedPlan,
  insertPlanPage,
  PLAN_PAGE_ROWS,
  type PlanAttempt,
  type PlannedPage,
  type PlannedRow,
} from './plans/plan-pages.ts';
export { readPreviousSubtasks, type PreviousSubtask } from './plans/previous-subtasks.ts';
export {
  countGoneNodes,
  readNode,
  readNodeLoads,
  type NodeWork,
  readNodes,
  readNodeStates,
  readPresentNodes,
  registerNode,
  renewNode,
  setNodeState,
  type NodeRegistration,
  type StoredNode,
} from './nodes/nodes.ts';
export { removeGoneNodes, type RemovedNodes } from './nodes/remove-gone-nodes.ts';
export { markCrashed } from './nodes/crashed-process.ts';
export {
  extendAllLeases,
  fenceExpiredNodes,
  sweepOrphans,
  type FreedSubtask,
  type OnLeftOut,
} from './nodes/fence-nodes.ts';
export { moveControl, readNodeHooks, readStrandedControls, type StrandedControl } from './nodes/move-controls.ts';
export { moveSubtasks, readImbalances, type BalanceSnapshot } from './nodes/move-subtasks.ts';
export { readClusterId } from './cluster/cluster-identity.ts';
export { readTypes, registerType, type Registration, type StoredType } from './cluster/task-types.ts';
export {
  readSchedulingSnapshot,
  type ScheduledTask,
  type SnapshotBounds,
  type TaskQueue,
} from './scheduling/scheduling-snapshot.ts';
export { ALL_QUEUES, countQueuedTasks, type QueuedTasks, type QueueWait } from './scheduling/queue-waits.ts';
export { findUnlockedTasks } from './scheduling/unlocked-tasks.ts';
export { ownerWrites, type OwnerWrites } from './scheduling/owner-writes.ts';
export type { AdmissionChange } from './scheduling/admission-writes.ts';
export type { ControlMeta } from './controls/control-row.ts';
export type { AfterLastStep } from './plans/step-writes.ts';
export { membershipOf, NO_NODE } from './plans/step-placement.ts';
export { readPinnedSlots } from './claims/pinned-slots.ts';
export {
  findForgottenTasks,
  forgetOldTasks,
  type ForgottenPage,
  type RetentionCursor,
} from './history/history-retention.ts';
export { readTaskTraces } from './reads/read-task-traces.ts';
export {
  findTaskByKey,
  listRuns,
  listTasks,
  readTask,
  readTaskMeta,
  type StoredTask,
  type TaskFilter,
} from './reads/read-tasks.ts';
export { leaseThrottle, type ThrottleLease } from './throttle/throttle-budgets.ts';
export { readGates, saveGates, type StoredGates } from './throttle/task-gates.ts';
export { readSummaries, type StoredSummary } from './reads/read-summaries.ts';
export { readWaiting, type StoredWaiting } from './reads/read-waiting.ts';
export {
  readProgress,
  type StoredNodeProgress,
  type StoredStepProgress,
  type TaskProgress,
} from './reads/read-progress.ts';
export {
  readEvents,
  readSubtasks,
  type StoredEvent,
  type StoredSubtask,
  type SubtaskFilter,
} from './reads/read-pages.ts';
