/** An error for a person, with its code where it has one. */
export function toErrorText(thrown: unknown): string {
  if (thrown instanceof RangeError) return `error: ${thrown.message}\nsee: npm run demo -- --help`;
  if (!(thrown instanceof Error)) return `error: ${String(thrown)}`;
  const { code } = thrown as { readonly code?: unknown };
  return typeof code === 'string' ? `error ${code}: ${thrown.message}` : `error: ${thrown.stack ?? thrown.message}`;
}
