import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';

/** What braces may stand for: each of it is looked for by itself. */
const MAX_ALTERNATIVES = 1_000;
/** Stars within one name, and `**` within a pattern: with each more, matching takes that many times longer by the length of a name. */
const MAX_STARS = 4;

/**
 * Refuses a pattern that would take for ever: twenty times `{a,b}` stand for a million patterns. Also one that leaves its folder by `..`.
 *
 * @throws {TaskTypeError} IMPORT_META_INVALID.
 */
export function checkPattern(pattern: string): void {
  const invalid = (reason: string): Error =>
    importError(ImportErrorCode.MetaInvalid, `The pattern ${pattern} can't be used: ${reason}.`, { pattern });
  const parts = pattern.split('/');
  if (parts.includes('..')) throw invalid('it may not contain ..');
  if (/[?*+@!]\(/.test(pattern)) throw invalid('it may contain *, **, ?, [a-z] and {a,b}, and no other special forms');
  if (parts.filter((part) => part.includes('**')).length > MAX_STARS) throw invalid(`it has more than ${MAX_STARS} **`);
  // Several stars side by side are one.
  if (parts.some((part) => (part.match(/\*+/g) ?? []).length > MAX_STARS)) {
    throw invalid(`a name in it has more than ${MAX_STARS} *`);
  }
  if (alternatives(pattern) > MAX_ALTERNATIVES) {
    throw invalid(`its braces stand for more than ${MAX_ALTERNATIVES} patterns; name a folder with * instead`);
  }
}

/** For how many patterns one with braces stands. */
function alternatives(pattern: string): number {
  /** Of each open brace: what its finished alternatives stand for, and the one that is being read. */
  const open = [{ finished: 0, current: 1, start: 0 }];
  for (let at = 0; at < pattern.length; at += 1) {
    const innermost = open.at(-1);
    if (innermost === undefined) break;
    const character = pattern[at];
    if (character === '{') open.push({ finished: 0, current: 1, start: at + 1 });
    else if (character === ',' && open.length > 1) {
      innermost.finished += innermost.current;
      innermost.current = 1;
    } else if (character === '}' && open.length > 1) {
      open.pop();
      const outer = open.at(-1);
      const count = innermost.finished + innermost.current * rangeOf(pattern.slice(innermost.start, at));
      if (outer !== undefined) outer.current *= count;
    }
  }
  // What is never closed stands for itself, and for what is closed within.
  return open.reduce((product, { finished, current }) => product * Math.max(finished + current, 1), 1);
}

/** For how many words `{1..9}` stands; 1: it is no range. */
function rangeOf(words: string): number {
  const range = /^(-?\d+|[A-Za-z])\.\.(-?\d+|[A-Za-z])(\.\.-?\d+)?$/.exec(words);
  if (range === null) return 1;
  const [from, to] = [range[1], range[2]].map((end) => {
    const number = Number(end);
    return Number.isNaN(number) ? (end ?? '').charCodeAt(0) : number;
  });
  return Math.abs((to ?? 0) - (from ?? 0)) + 1;
}
