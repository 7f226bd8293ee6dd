/** An e-mail address as it is compared: two spellings that differ in case, or in how accents are composed, are one address. */
export function emailKey(email: string): string {
  return email.normalize('NFC').toLowerCase();
}
