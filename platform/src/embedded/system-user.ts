import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startProblem } from './start-problem.ts';

const run = promisify(execFile);

/** Who runs the server when it is not ourselves. */
export interface SystemUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

const ownUserName = 'stoa-postgres';

/** An unprivileged user for the server, since PostgreSQL refuses to run as root: `postgres`, or one made for it. */
export async function unprivilegedUser(log: (line: string) => void): Promise<SystemUser> {
  const known = (await findUser('postgres')) ?? (await findUser(ownUserName));
  if (known) return known;
  try {
    await run('useradd', ['-r', '-M', '-d', '/nonexistent', '-s', '/usr/sbin/nologin', ownUserName]);
    log(`made the system user ${ownUserName}, because PostgreSQL refuses to run as root`);
  } catch (error) {
    // Another process may have made it at the same moment.
    const made = await findUser(ownUserName);
    if (made) return made;
    throw startProblem(
      `PostgreSQL refuses to run as root and no user could be made for it: start as another user, or run \`useradd -r ${ownUserName}\``,
      error,
    );
  }
  return (await findUser(ownUserName)) as SystemUser;
}

async function findUser(name: string): Promise<SystemUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/** Says whether a user can enter a folder: asked of the kernel as that user, because rights are more than mode bits. */
export async function canEnter(user: SystemUser, folder: string): Promise<boolean> {
  return succeedsAs(user, '/bin/sh', ['-c', 'cd -- "$1"', 'sh', folder]);
}

/** Says whether a user can run a program. */
export async function canRun(user: SystemUser, program: string, args: readonly string[]): Promise<boolean> {
  return succeedsAs(user, program, args);
}

async function succeedsAs(user: SystemUser, program: string, args: readonly string[]): Promise<boolean> {
  try {
    await run(program, args, { cwd: '/', uid: user.uid, gid: user.gid });
    return true;
  } catch {
    return false;
  }
}
