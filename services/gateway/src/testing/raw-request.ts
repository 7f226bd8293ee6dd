import { connect } from 'node:net';

/** What came back over a socket: the bytes as text, and whether the other side closed it. */
export interface RawAnswer {
  readonly text: string;
  readonly status: number;
  readonly body: string;
  readonly closed: boolean;
}

/**
 * Sends bytes as they are, which no HTTP client would, and reads until the other side closes, or the first answer is complete.
 *
 * @param parts sent one after another
 */
export function rawRequest(port: number, ...parts: (string | Buffer)[]): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    const settle = (closed: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);
      resolve({ text, status, body: text.slice(text.indexOf('\r\n\r\n') + 4), closed });
    };
    const timer = setTimeout(() => reject(new Error(`no whole answer within 8 s, only: ${text}`)), 8_000);
    socket.on('connect', () => {
      for (const part of parts) socket.write(part);
    });
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (isWhole(text) && !/^connection: close/im.test(text)) settle(false);
    });
    socket.on('close', () => settle(true));
    socket.on('error', () => settle(true));
  });
}

/** A GET with these lines, and the blank one. */
export function lines(...all: string[]): string {
  return `${all.join('\r\n')}\r\n\r\n`;
}

function isWhole(text: string): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  if (/^transfer-encoding: chunked/im.test(text.slice(0, end))) return text.endsWith('\r\n0\r\n\r\n');
  const length = /^content-length: (\d+)/im.exec(text.slice(0, end))?.[1];
  return length === undefined ? /^HTTP\/1\.1 (?:204|304)/.test(text) : text.length >= end + 4 + Number(length);
}
