import type { Violation } from '../errors/index.ts';
import { commonPasswords } from './common-passwords.ts';

const charactersMin = 8;
const charactersMax = 128;

/**
 * What is wrong with a new password; empty when nothing is. Length is counted in code points, so that no alphabet is at a
 * disadvantage; there are no rules about digits or signs, which only make people predictable (NIST SP 800-63B §5.1.1.2).
 *
 * @param path the JSON pointer to name in the violations
 */
export function checkPasswordRules(password: string, path = '/password'): readonly Violation[] {
  const violation = (message: string): readonly Violation[] => [{ path, message }];

  // A code point is at most two units: a megabyte need not be counted.
  const characters = password.length > charactersMax * 2 ? Number.POSITIVE_INFINITY : [...password].length;
  if (characters < charactersMin) return violation(`The password needs at least ${charactersMin} characters.`);
  if (characters > charactersMax) return violation(`The password may have at most ${charactersMax} characters.`);
  // Lone surrogates all become the same replacement character in UTF-8, so different passwords would be equal.
  if (!password.isWellFormed()) return violation('The password is not valid Unicode.');
  if (commonPasswords.has(password.normalize('NFKC').toLowerCase())) {
    return violation('The password is among the first that an attacker tries. Choose another.');
  }
  return [];
}
