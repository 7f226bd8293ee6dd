import { type Setting, setting, type ValuesOf } from '../config/index.ts';

/** What `openTrust` has to be told. */
export const trustSettings = {
  STOA_TLS_DIR: setting.optional(
    setting.text({
      describe: 'Folder with ca.pem, cert.pem and key.pem of this process, for mutual TLS between processes',
    }),
  ),
  STOA_SERVICE_SECRET: secrets('What processes prove themselves with where there is no TLS'),
};

export type TrustSettings = ValuesOf<typeof trustSettings>;

/** One secret, or two while it is being changed: the first signs, both are believed. */
function secrets(describe: string): Setting<readonly string[]> {
  return {
    describe,
    secret: true,
    expects: 'a secret of 32 characters or more, or two with a comma between them while it is being changed',
    missing: { kind: 'default', value: [] },
    read(text) {
      const words = text.split(',').map((word) => word.trim());
      return words.length <= 2 && words.every((word) => word.length >= 32 && word.length <= 1_000) ? words : undefined;
    },
  };
}
