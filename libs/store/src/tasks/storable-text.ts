/** Text of Postgres can't hold a NUL character. A plugin's error may quote one, and must not make its whole batch fail. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '\u2400');
}
