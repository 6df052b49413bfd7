export { applicationName, type EffectOwner } from './effect-owner.ts';
export { EFFECTS_SCHEMA } from './ledger-schema.ts';
export { openTarget, type OpenTarget, type TargetOptions } from './open-target.ts';
