/** Who asks for something, and how far that can be trusted. */
export interface Principal {
  /** A person or an application, 1 to 128 characters, see {@link isPrincipalText}. */
  readonly name: string;
  /** The role under which it asks, 1 to 64 characters; null: none was named. */
  readonly role: string | null;
  /**
   * Whether somebody other than the caller vouches for the name. False: the caller claims it. A claim is written down and shown, and
   * decides nothing.
   */
  readonly isVerified: boolean;
}

/** What a caller says of itself. */
export interface PrincipalClaim {
  /** A person or an application, 1 to 128 printable characters. */
  readonly name: string;
  /** The role under which it asks, 1 to 64 printable characters. Default: none. */
  readonly role?: string | undefined;
}

/** Characters of a principal's name at most: an address or a distinguished name fits. */
export const MAX_PRINCIPAL_NAME = 128;
/** Characters of its role at most. */
export const MAX_PRINCIPAL_ROLE = 64;

/**
 * Control and format characters, lone surrogates, and line breaks: they would break a line of a log, turn the direction of what is shown beside
 * them, or can't be stored.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

/**
 * Whether a text can be a principal's name or role: printable, without spaces at its ends.
 *
 * @param maxChars UTF-16 code units that it may have.
 */
export function isPrincipalText(text: string, maxChars: number): boolean {
  return text.length >= 1 && text.length <= maxChars && text.trim() === text && !UNPRINTABLE.test(text);
}
