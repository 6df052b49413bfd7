import { globSync, readFileSync } from 'node:fs';

/** A block of code on a page. */
export interface Snippet {
  /** Path of the page from the repository's folder. */
  readonly page: string;
  /** Line of its fence, from 1. */
  readonly line: number;
  /** What its fence says: `ts`, `sh`, `text`, …; empty where it says nothing. */
  readonly language: string;
  /** With its last line end. */
  readonly text: string;
}

/** All pages that people read. */
const PAGES = ['*.md', 'docs/**/*.md', '{apps,libs,plugins,tools,test}/*/*.md'];

export function readPages(root: string): readonly string[] {
  return globSync(PAGES, { cwd: root, exclude: ['**/node_modules/**'] }).toSorted();
}

/** The blocks of code of a page, in their order. */
export function readSnippets(root: string, page: string): readonly Snippet[] {
  const snippets: Snippet[] = [];
  let open: { readonly line: number; readonly language: string; readonly lines: string[] } | null = null;
  for (const [index, line] of readFileSync(`${root}${page}`, 'utf8').split('\n').entries()) {
    const fence = /^```(\w*)/.exec(line);
    if (fence === null) open?.lines.push(line);
    else if (open === null) open = { line: index + 1, language: fence[1] ?? '', lines: [] };
    else {
      snippets.push({ page, line: open.line, language: open.language, text: `${open.lines.join('\n')}\n` });
      open = null;
    }
  }
  return snippets;
}
