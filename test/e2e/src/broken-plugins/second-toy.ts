import toy from '../toy-task-type.ts';

/** Another package with the same type's name. */
export default { ...toy, version: '2.0.0' };
