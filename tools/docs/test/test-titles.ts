import ts from 'typescript';

/** The titles of a file's tests, as written: what `test`, `it`, and what these have behind a dot are called with. */
export function testTitles(text: string): readonly string[] {
  const titles: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && isTest(node.expression)) {
      const [title] = node.arguments;
      if (title !== undefined && ts.isStringLiteralLike(title)) titles.push(title.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile('a.test.ts', text, ts.ScriptTarget.Latest));
  return titles;
}

/** `test`, `test.skipIf(…)`, `it.each(…)`: what is called with a title. */
function isTest(node: ts.Expression): boolean {
  if (ts.isIdentifier(node)) return node.text === 'test' || node.text === 'it';
  if (ts.isPropertyAccessExpression(node)) return isTest(node.expression);
  return ts.isCallExpression(node) && isTest(node.expression);
}
