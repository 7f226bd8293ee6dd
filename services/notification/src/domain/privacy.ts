/** An address as it is kept after sending: enough for its owner to recognise, too little to write to. */
export function maskEmail(email: string): string {
  const at = email.lastIndexOf('@');
  return at < 1 ? '***' : `${[...email][0]}***${email.slice(at)}`;
}

/** What a mail server said, without the addresses it likes to repeat, and short. */
export function withoutAddresses(reason: string): string {
  return reason
    .replaceAll(/[^\s<>"'(),:;]+@[^\s<>"'(),:;]+/g, '***')
    .replaceAll(/\s+/g, ' ')
    .slice(0, 300);
}
