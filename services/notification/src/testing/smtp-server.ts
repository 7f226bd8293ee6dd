import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A mail server that keeps what it gets, and may be told to answer otherwise. */
export interface SmtpServer {
  readonly url: string;
  readonly mails: string[];
  /** Answers to RCPT, instead of yes: `550 5.1.1 <…> unknown`. */
  recipientAnswer: string | undefined;
  /** Answers to MAIL and to the mail itself, likewise. */
  senderAnswer: string | undefined;
  mailAnswer: string | undefined;
  close(): Promise<void>;
}

export async function startSmtpServer(port = 0): Promise<SmtpServer> {
  const sockets = new Set<Socket>();
  const mails: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
    serve(socket, self);
  });
  const self: Answers & { readonly mails: string[] } = {
    mails,
    recipientAnswer: undefined,
    senderAnswer: undefined,
    mailAnswer: undefined,
  };
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(self, {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  });
}

type Answers = Pick<SmtpServer, 'recipientAnswer' | 'senderAnswer' | 'mailAnswer'>;

function serve(socket: Socket, self: Answers & { readonly mails: string[] }): void {
  let text = '';
  let receiving = false;
  const answer = (line: string) => socket.write(`${line}\r\n`);
  answer('220 test');
  socket.on('data', (bytes) => {
    text += bytes.toString('utf8');
    for (;;) {
      const end = receiving ? text.indexOf('\r\n.\r\n') : text.indexOf('\r\n');
      if (end < 0) return;
      const piece = text.slice(0, end);
      text = text.slice(end + (receiving ? 5 : 2));
      if (receiving) {
        receiving = false;
        if (self.mailAnswer === undefined) self.mails.push(piece);
        answer(self.mailAnswer ?? '250 taken');
      } else if (piece === 'DATA') {
        receiving = true;
        answer('354 go on');
      } else if (piece.startsWith('MAIL')) answer(self.senderAnswer ?? '250 yes');
      else if (piece.startsWith('RCPT')) answer(self.recipientAnswer ?? '250 yes');
      else if (piece === 'QUIT') socket.end('221 bye\r\n');
      else answer('250 yes');
    }
  });
}
