/**
 * Whether a text can be a provider's token: ours in the sandbox (`tok_…`) or an opaque id (`pm_…`). A long run of digits may be a card number,
 * which must not be stored anywhere.
 */
export function isPaymentToken(text: string): boolean {
  return /^(tok_[a-z0-9_]{1,64}|[a-z]{2,10}_[A-Za-z0-9]{1,100})$/.test(text) && !/\d{12,}/.test(text);
}
