import { once } from 'node:events';
import { connect } from 'node:net';

/** Whether nobody takes connections at a port of this machine, of which a URL may be given. */
export async function refuses(place: string | number): Promise<boolean> {
  const socket = connect(typeof place === 'number' ? place : Number(new URL(place).port), '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ECONNREFUSED') return true;
    throw error;
  } finally {
    socket.destroy();
  }
}
