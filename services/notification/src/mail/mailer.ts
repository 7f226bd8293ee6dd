/** A mail, ready to go. */
export interface Mail {
  /** Names the mail for ever; its Message-ID is made of it, so a copy sent twice is recognised as one. */
  readonly id: string;
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** Takes mails away. */
export interface Mailer {
  /**
   * Resolves when the other side has the mail. `refused` means that it will never take it; anything that may pass is thrown as a fault
   * whose text names no address.
   */
  send(mail: Mail): Promise<{ readonly kind: 'sent' } | { readonly kind: 'refused'; readonly reason: string }>;
  close(): void;
}

/** What nodemailer is given of a mail. Neither files nor URLs are ever read for it, whatever stands in its texts. */
export function messageOf(mail: Mail, from: string) {
  return {
    from,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    html: mail.html,
    messageId: `<${mail.id}@${from.slice(from.lastIndexOf('@') + 1).replace(/>.*$/, '')}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}
