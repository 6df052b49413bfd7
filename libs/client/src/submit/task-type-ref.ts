import type { SubmitRequest } from '@longshore/protocol';

/**
 * A task type as an application names it: its name, and for the compiler what a submit says and what a task returns. A package exports one
 * from a door of its own (`@longshore/plugin-import/client`), so that nobody loads the type's code to submit a task.
 */
export interface TaskTypeRef<Name extends string = string, Meta = SubmitRequest['meta'], Result = unknown> {
  /** The name that a submit uses, such as `import`. */
  readonly type: Name;
  /** For the compiler alone: no value has it. */
  readonly '~types'?: { readonly meta: Meta; readonly result: Result };
}

/**
 * Task types by their names, for submits by name. A package adds its own, and whoever imports it gets the types:
 *
 *     declare module '@longshore/client' {
 *       interface TaskTypes {
 *         readonly 'archive-orders': typeof archiveOrders;
 *       }
 *     }
 */
export interface TaskTypes {}

/** What a submit of this type says: the package's type where it is known, else any JSON object. */
export type MetaOf<Type extends string> = Type extends keyof TaskTypes
  ? TaskTypes[Type] extends TaskTypeRef<string, infer Meta>
    ? Meta
    : never
  : SubmitRequest['meta'];

/** What a task of this type returns: the package's type where it is known. */
export type ResultOf<Type extends string> = Type extends keyof TaskTypes
  ? TaskTypes[Type] extends TaskTypeRef<string, infer _, infer Result>
    ? Result
    : never
  : unknown;

/** A submit of a type that is named beside it. */
export interface TypedSubmit<Meta = SubmitRequest['meta']> extends Omit<SubmitRequest, 'type' | 'meta'> {
  /** What to do, as the type's schema wants it. At most 256 KiB of JSON. */
  readonly meta: Meta;
}

/** A submit that names its type; the meta of a known one is checked. */
export interface NamedSubmit<Type extends string = string> extends TypedSubmit<MetaOf<Type>> {
  readonly type: Type;
}
