/** Why the installed packages do not match the lock file, or undefined when they do. */
export function staleReason(root: string): string | undefined;
/** What the pinned Node answers to --version, or undefined when there is none that runs. */
export function pinnedNodeVersion(root: string): string | undefined;
/** Where the pinned Node is. */
export function pinnedNode(root: string): string;
