const everyMs = 20;

/** Waits until something holds; throws when it still does not after `withinMs`. */
export async function until<T>(what: () => Promise<T | undefined | false>, withinMs = 10_000): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (Date.now() > deadlineMs) throw new Error(`it did not come true within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
