import type { MetaSchema } from './define-task-type.ts';

/**
 * The schema of a meta to which `prepare` adds something: users see what they may submit and nothing more (`longshore type show`, and a
 * submit with more is refused), while the framework checks by the whole schema what `prepare` and `modifyMeta` return.
 *
 * @param schemas `submitted`: what a submit may say; `whole`: the same with what the task writes into it, optional.
 */
export function metaSchema<Meta>(schemas: {
  readonly submitted: MetaSchema;
  readonly whole: MetaSchema<Meta>;
}): MetaSchema<Meta> {
  const { vendor, validate } = schemas.whole['~standard'];
  const { jsonSchema } = schemas.submitted['~standard'];
  return { '~standard': { version: 1, vendor, validate, jsonSchema } };
}
