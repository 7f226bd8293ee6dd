/** What makes authorities and certificates. Loaded when asked for: processes that only show certificates need none of it. */
export function loadAuthority(): Promise<
  Pick<typeof import('./authority.ts'), 'createAuthority' | 'issueCertificate'>
> {
  return import('./authority.ts');
}
