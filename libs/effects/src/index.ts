export { applicationName, type EffectOwner } from './effect-owner.ts';
export { EFFECTS_SCHEMA } from './effects-schema.ts';
export { makeGateReader } from './make-gate-reader.ts';
export { openTarget, type OpenTarget, type TargetOptions } from './open-target.ts';
export { openTargetLedgers, type TargetLedgers } from './target-ledgers.ts';
export { prepareTarget, type PrepareTargetOptions } from './prepare-target.ts';
