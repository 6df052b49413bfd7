/**
 * A text as every reader and the store can take it: U+0000, which a text of Postgres can't hold, becomes its picture \u2400, and half of a
 * surrogate pair becomes U+FFFD. What quotes somebody else's data must not make what it stands in unreadable.
 */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\u2400').toWellFormed();
}
