/**
 * Text from outside (keys, reasons, error messages) as one line that cannot steer a terminal: line breaks become spaces,
 * other control characters are shown as their codes.
 */
export function plainText(text: string): string {
  return text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
