/**
 * ESLint rule: nothing of ours is told by its class. Two copies of a package in one process are the normal case (npm installs them
 * where versions differ), and each has classes of its own. A class counts as ours when it is declared in the file, or imported from
 * a relative file or a package of ours. Built-ins and the classes of others stay allowed.
 */
export const noOwnInstanceof = {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      own: 'Another copy of {{name}} would not be recognised. Give the class a guard that asks for a brand, such as {{name}}.is(value).',
    },
  },
  create(context) {
    return {
      "BinaryExpression[operator='instanceof']"(node) {
        const root = rootOf(node.right);
        if (root === null || !isOurs(root.name, context.sourceCode.getScope(node))) return;
        context.report({ node, messageId: 'own', data: { name: context.sourceCode.getText(node.right) } });
      },
    };
  },
};

/** The name that an expression such as `errors.CliError` begins with. */
function rootOf(expression) {
  let root = expression;
  while (root.type === 'MemberExpression') root = root.object;
  return root.type === 'Identifier' ? root : null;
}

function isOurs(name, innermost) {
  for (let scope = innermost; scope !== null; scope = scope.upper) {
    const variable = scope.set.get(name);
    if (variable === undefined) continue;
    return variable.defs.some(
      ({ type, parent }) =>
        type === 'ClassName' || (type === 'ImportBinding' && /^(\.|@longshore\/)/.test(parent.source.value)),
    );
  }
  return false;
}
