import toy from '../toy-task-type.ts';

/** A package of a later SDK. */
export default { ...toy, contract: 99 };
