/**
 * Whether a client may subscribe to the subject: tokens separated by dots, none of them empty, `>` only as the last one.
 * `*` and `>` are wildcards as whole tokens only; `a*b` is an ordinary token.
 */
export function isValidSubject(subject: string): boolean {
  const tokens = subject.split('.');
  return tokens.every((token, index) => token !== '' && (token !== '>' || index === tokens.length - 1));
}

/** Whether the subject is valid and has no wildcard: what a pedantic client may publish to. */
export function isLiteralSubject(subject: string): boolean {
  return isValidSubject(subject) && !subject.split('.').some((token) => token === '*' || token === '>');
}
