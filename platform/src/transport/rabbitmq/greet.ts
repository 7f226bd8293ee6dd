import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** `AMQP`, 0, and version 0-9-1. */
const header = Buffer.from([65, 77, 81, 80, 0, 0, 9, 1]);
/** What a broker begins its answer with: a frame that holds a method, or the header of the version it would rather speak. */
const firstBytes = [1, 65];

/**
 * Says the first words of AMQP and looks who answers. The client takes whatever it reads for a frame, and one that seems to be longer than 1 GiB,
 * such as any answer of an HTTP server, ends the process.
 *
 * @throws Error with `code` EPROTO when something else than AMQP answers, otherwise what kept it from connecting
 */
export async function greet(url: string, timeoutMs: number): Promise<void> {
  const { protocol, hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  const isTls = protocol === 'amqps:';
  const place = { host, port: Number(port || (isTls ? 5671 : 5672)) };
  const socket = isTls ? connectTls({ ...place, servername: host }) : connect(place);
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    socket.write(header);
    const [answer] = (await Promise.race([
      once(socket, 'data', { signal }),
      once(socket, 'end', { signal }).then(() => [undefined]),
    ])) as [Buffer | undefined];
    if (answer === undefined) throw new Error('it closed the connection without an answer');
    if (!firstBytes.includes(answer[0] ?? 0))
      throw Object.assign(new Error(`it begins with ${JSON.stringify(answer.toString('latin1', 0, 8))}`), {
        code: 'EPROTO',
      });
  } catch (error) {
    throw (error as Error).name === 'AbortError' ? new Error('it does not answer') : error;
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}
