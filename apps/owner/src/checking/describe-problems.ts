import type { ErrorObject } from 'ajv/dist/2020.js';

/**
 * What is wrong with a meta, a problem each, as a person reads it. Of a choice (`anyOf`) only the problems of the branch that was meant are
 * told: the one that takes a value of this type. A schema may have its own words for what it refuses, as `errorMessage`.
 */
export function describeProblems(errors: readonly ErrorObject[]): readonly string[] {
  const choices = errors.filter(({ keyword }) => keyword === 'anyOf' || keyword === 'oneOf');
  const problems = choices.reduce<readonly ErrorObject[]>(withoutChoice, errors).map(describe);
  return [...new Set(problems)];
}

function withoutChoice(errors: readonly ErrorObject[], choice: ErrorObject): readonly ErrorObject[] {
  const isBranch = ({ schemaPath }: ErrorObject): boolean => schemaPath.startsWith(`${choice.schemaPath}/`);
  const branches = errors.filter(isBranch);
  // More than one branch fitted, or they stand elsewhere: the choice speaks for itself.
  if (branches.length === 0) return errors;
  const isOtherType = ({ keyword, instancePath }: ErrorObject): boolean =>
    keyword === 'type' && instancePath === choice.instancePath;
  const others = errors.filter((error) => error !== choice && !isBranch(error));
  const meant = branches.filter((error) => !isOtherType(error));
  if (meant.length > 0) return [...others, ...meant];
  const types = [...new Set(branches.flatMap(({ params }) => params['type'] as string | string[]))];
  return [...others, { ...choice, keyword: 'type', message: `must be ${types.join(' or ')}` }];
}

/** The field that an error is about, with dots; `meta` for the whole. */
export function fieldOf(error: ErrorObject): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const extra: unknown = error.params['additionalProperty'] ?? error.params['missingProperty'];
  return [path, typeof extra === 'string' ? extra : ''].filter((part) => part !== '').join('.') || 'meta';
}

function describe(error: ErrorObject): string {
  const field = fieldOf(error);
  const words: unknown = (error.parentSchema as { readonly errorMessage?: unknown } | undefined)?.errorMessage;
  if (typeof words === 'string' && error.keyword !== 'type') return `${field} ${words}`;
  if (error.keyword === 'additionalProperties') return `${field} is not a field of this type`;
  if (error.keyword === 'required') return `${field} is missing`;
  if (error.keyword === 'enum') return `${field} must be one of ${JSON.stringify(error.params['allowedValues'])}`;
  return `${field} ${error.message ?? 'is wrong'}`;
}
