import { hasCode, LongshoreError, toErrorData } from '@longshore/core';
import type { StoredType } from '@longshore/store';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormatsModule from 'ajv-formats';
import { describeProblems, fieldOf } from './describe-problems.ts';
import { limited } from './limited.ts';
import { linearPattern } from './linear-pattern.ts';
import { boundFormats, replaceUniqueItems } from './schema-rules.ts';

// The package is CommonJS: its default export is a property of what Node imports.
const addFormats = addFormatsModule as unknown as typeof addFormatsModule.default;

/** How long a look at one meta may take, in milliseconds: the largest one takes a hundredth of it, and a leader's lease is five times it. */
const LIMIT_MS = 1_000;
/** Metas up to this size need no watch, in characters, unless the schema refers to itself: no other can take long over them. */
const UNWATCHED_CHARACTERS = 16 * 1024;
/** Problems that an error names. */
const MAX_PROBLEMS = 20;

interface Compiled {
  readonly schema: string;
  readonly validate: ValidateFunction;
  /** Whether the schema may go round in circles. */
  readonly refers: boolean;
}

/**
 * Checks metas against the JSON Schemas that types registered, and fills in their defaults. Compiled schemas are kept.
 *
 * A check runs in the owner's only thread, on a meta that anybody may have sent: patterns, formats and `uniqueItems` take time in
 * proportion to it, and what else may take long is ended after a second.
 */
export class MetaValidator {
  readonly #compiled = new Map<string, Compiled>();

  /**
   * The meta with the schema's defaults filled in.
   *
   * @throws {LongshoreError} META_INVALID naming the fields that are wrong; PLUGIN_INVALID when the schema can't be used.
   */
  validate(type: StoredType, meta: Readonly<Record<string, unknown>>): unknown {
    const filled = structuredClone(meta);
    const { validate, refers } = this.#compile(type);
    const isWatched = refers || JSON.stringify(meta).length > UNWATCHED_CHARACTERS;
    if (within(type, isWatched, () => validate(filled))) return filled;
    const errors = (validate.errors ?? []).slice(0, MAX_PROBLEMS);
    const problems = describeProblems(errors);
    throw new LongshoreError(
      'META_INVALID',
      `meta of ${type.type}: ${problems.join('; ')}. See: longshore type show ${type.type}`,
      { details: { fields: errors.map((error) => fieldOf(error)) } },
    );
  }

  #compile(type: StoredType): Compiled {
    const name = `${type.type}@${type.version}`;
    const schema = JSON.stringify(type.schema);
    const known = this.#compiled.get(name);
    if (known?.schema === schema) return known;
    const compiled = { schema, validate: compile(type), refers: /"\$(ref|dynamicRef|recursiveRef)":/.test(schema) };
    this.#compiled.set(name, compiled);
    return compiled;
  }
}

/** @throws {LongshoreError} PLUGIN_INVALID when Ajv can't use the schema, or needs too long for it. */
function compile(type: StoredType): ValidateFunction {
  const unusable = (reason: string, cause?: unknown): LongshoreError =>
    new LongshoreError('PLUGIN_INVALID', `the schema of ${type.type}@${type.version} can't be used: ${reason}`, {
      cause,
    });
  const regExp = Object.assign((source: string) => linearPattern(source), { code: 'linearPattern' });
  try {
    // A new one for each try, since one that was ended is half done.
    const compiled = limited(LIMIT_MS, () => {
      // Verbose: an error has the schema that refused the value.
      const ajv = new Ajv2020({ verbose: true, allErrors: true, useDefaults: true, strict: false, code: { regExp } });
      addFormats(ajv);
      boundFormats(ajv);
      replaceUniqueItems(ajv);
      return ajv.compile(type.schema);
    });
    if (compiled !== null) return compiled.value;
  } catch (cause) {
    if (hasCode(cause, 'OVERLOADED')) throw cause;
    throw unusable(toErrorData(cause).message, cause);
  }
  throw unusable(`it could not be read within ${LIMIT_MS} ms`);
}

function within(type: StoredType, isWatched: boolean, check: () => boolean): boolean {
  const invalid = (reason: string): LongshoreError =>
    new LongshoreError('META_INVALID', `meta of ${type.type}: it could not be checked against the schema: ${reason}`);
  try {
    if (!isWatched) return check();
    const checked = limited(LIMIT_MS, check);
    if (checked !== null) return checked.value;
  } catch (thrown) {
    if (hasCode(thrown, 'OVERLOADED')) throw thrown;
    // A schema that refers to itself without an end.
    throw invalid(toErrorData(thrown).message);
  }
  throw invalid(`that takes longer than ${LIMIT_MS} ms`);
}
