import type { SubmitRequest } from '@longshore/client';
import { InvalidArgumentError } from 'commander';

/** A condition on a label of a node. */
export type LabelSelector = NonNullable<SubmitRequest['selectors']>[number];

const LABEL = String.raw`[A-Za-z0-9][A-Za-z0-9_./-]*`;
const IN = new RegExp(String.raw`^(${LABEL})\s+in\s*\(([^()]*)\)$`);
const EQUALITY = new RegExp(String.raw`^(${LABEL})\s*(==?|!=)\s*([^=!()\s]*)$`);
const EXISTS = new RegExp(`^${LABEL}$`);
/** A comma, but not one within the list of `in`. */
const BETWEEN = /,(?![^(]*\))/;

/**
 * Adds the conditions of one `--selector` to those before: `zone=a`, `zone!=a`, `zone in (a,b)` or `zone`, several with commas
 * between them, as kubectl takes them. All of them have to fit.
 *
 * @param before what the option gave so far; `false` after its `--no-` form.
 */
export function addSelectors(text: string, before: readonly LabelSelector[] | false = []): readonly LabelSelector[] {
  return [...(before === false ? [] : before), ...text.split(BETWEEN).map((one) => parseSelector(one.trim()))];
}

function parseSelector(text: string): LabelSelector {
  const [, listed = '', list] = IN.exec(text) ?? [];
  if (list !== undefined) {
    const values = list.split(',').map((value) => value.trim());
    if (values.every((value) => value !== '')) return { label: listed, op: 'in', values };
  }
  const [, label = '', op, value = ''] = EQUALITY.exec(text) ?? [];
  if (op !== undefined) return { label, op: op === '!=' ? '!=' : '=', value };
  if (EXISTS.test(text)) return { label: text, op: 'exists' };
  throw new InvalidArgumentError(`"${text}" has none of the forms zone=a, zone!=a, "zone in (a,b)" and zone.`);
}
