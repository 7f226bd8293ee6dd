/** Knows where instances of services are. */
export interface Source {
  /**
   * Tells where the instances of a service are, now and whenever that changes. What it has told holds until it tells something else:
   * a source that can see nothing tells nothing.
   */
  watch(service: string, hear: (urls: readonly string[]) => void): Watch;
  /** Makes an instance of ours known. Sources that others write have none. */
  register?(instance: Instance): Promise<Registration>;
  /** Asks whoever knows for something and waits for the answer; rejects when there is none. Sources that ask nobody have none. */
  ping?(): Promise<unknown>;
  close(): Promise<void>;
}

export interface Watch {
  /** When the first look has ended, whatever it found; rejects when there is no use in looking again. */
  readonly first: Promise<void>;
  /** Why what it told last may be out of date; undefined when it is not. */
  problem(): string | undefined;
  stop(): void;
}

export interface Instance {
  readonly service: string;
  /** The base URL by which others reach it. */
  readonly url: string;
  /** Why it takes no requests now; undefined when it does. Asked where a registry cannot look for itself. */
  readonly problem?: () => Promise<string | undefined>;
}

export interface Registration {
  /** Takes the instance out of the list, so that no new calls come. */
  deregister(): Promise<void>;
}
