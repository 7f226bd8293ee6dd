/** Thrown by a handler whose message only a newer program understands: it waits, as often as it is met, and none of that counts as an attempt. */
export class LeftToNewer extends Error {}
