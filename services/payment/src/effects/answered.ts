/** The provider's answer, or an error as soon as nobody waits any more: the call may go on, its outcome is then unknown. */
export function answered<R>(call: Promise<R>, signal: AbortSignal): Promise<R> {
  return new Promise((resolve, reject) => {
    const giveUp = () => reject(new Error('the payment provider has not answered in time'));
    if (signal.aborted) giveUp();
    signal.addEventListener('abort', giveUp, { once: true });
    call.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
  });
}
