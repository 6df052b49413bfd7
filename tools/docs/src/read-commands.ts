/** A command as a shell would run it. */
export interface DocumentedCommand {
  /** Variables before it: `LONGSHORE_NATS_URL=nats://… longshore-owner`. */
  readonly env: Readonly<Record<string, string>>;
  /** Program and arguments, without quotes. `npx` is left out. */
  readonly words: readonly string[];
}

/**
 * Reads the commands of a text as a shell does: comments, quotes, lines that a backslash continues, `&&` and `|`. What a shell would fill in
 * (`$PWD`) stays as it is written.
 */
export function readCommands(text: string): readonly DocumentedCommand[] {
  return text
    .replaceAll('\\\n', ' ')
    .split('\n')
    .flatMap((line) => splitWords(line))
    .filter((words) => words.length > 0)
    .map(commandOf);
}

/** One part of a word, an operator, a comment, or space. */
const TOKEN = /\s+|#.*|&&|\||'([^']*)'|"([^"]*)"|[^\s'"|&]+/gy;

/** The words of each command of a line. */
function splitWords(line: string): string[][] {
  const commands: string[][] = [[]];
  let word: string | null = null;
  const endWord = (): void => {
    if (word !== null) commands.at(-1)?.push(word);
    word = null;
  };
  for (const [token, single, double] of line.matchAll(TOKEN)) {
    if (token === '&&' || token === '|') {
      endWord();
      commands.push([]);
    } else if (token.trim() === '' || (token.startsWith('#') && word === null)) endWord();
    else word = `${word ?? ''}${single ?? double ?? token}`;
  }
  endWord();
  return commands;
}

function commandOf(words: readonly string[]): DocumentedCommand {
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  const env = words.slice(0, first < 0 ? words.length : first).map((word) => {
    const [name = '', ...value] = word.split('=');
    return [name, value.join('=')] as const;
  });
  const rest = first < 0 ? [] : words.slice(first);
  return { env: Object.fromEntries(env), words: rest[0] === 'npx' ? rest.slice(1) : rest };
}
