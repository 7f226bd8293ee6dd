/**
 * OpenSSL's and Node's codes for a certificate that is refused (https://nodejs.org/api/tls.html#x509-certificate-error-codes). A handshake that took too
 * long is none of them: it may go better.
 */
const codes =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|ERR_TLS_CERT_|ERROR_IN_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_|SELF_SIGNED_|UNABLE_TO_)/;

/** Whether an error's code says that the other side's certificate is not accepted: trying again would not help. */
export function isCertificateCode(code: unknown): boolean {
  return typeof code === 'string' && codes.test(code);
}

/** What to do about it, where the authorities are those of the process. */
export const certificateAdvice =
  'Renew it, use the host name it was made for, or name its authority in NODE_EXTRA_CA_CERTS.';
