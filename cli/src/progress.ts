/** Tells people how far a command has come: on stderr, because stdout is for data. */
export interface Progress {
  /** Begins a part of the work; the part before it has ended. */
  begin(title: string, total: number): void;
  /** More to do has turned up in this part. */
  expect(more: number): void;
  advance(): void;
  note(text: string): void;
  end(): void;
}

interface Part {
  readonly title: string;
  total: number;
  readonly startedAtMs: number;
  done: number;
  drawnAtMs: number;
}

const barWidth = 24;
/** Between two drawings of the bar, and between two lines where there is no terminal. */
const drawEveryMs = { bar: 100, line: 5_000 };

/** A bar with rate and time left on a terminal; elsewhere a line now and then. */
export function openProgress(out: { write(text: string): unknown; isTTY?: boolean } = process.stderr): Progress {
  const bar = out.isTTY === true;
  let part: Part | undefined;

  function draw(force: boolean): void {
    if (!part || part.total === 0) return;
    const nowMs = performance.now();
    if (!force && nowMs - part.drawnAtMs < (bar ? drawEveryMs.bar : drawEveryMs.line)) return;
    part.drawnAtMs = nowMs;
    out.write(bar ? `\r\x1b[2K${barOf(part, nowMs)}` : `${textOf(part, nowMs)}\n`);
  }

  function finish(): void {
    if (part && part.total > 0) {
      draw(true);
      if (bar) out.write('\n');
    }
    part = undefined;
  }

  return {
    begin(title, total) {
      finish();
      const nowMs = performance.now();
      part = { title, total, done: 0, startedAtMs: nowMs, drawnAtMs: nowMs };
      if (!bar) out.write(`${title}…\n`);
    },
    expect(more) {
      if (part) part.total += more;
    },
    advance() {
      if (!part) return;
      part.done++;
      draw(false);
    },
    note(text) {
      out.write(bar && part ? `\r\x1b[2K${text}\n` : `${text}\n`);
    },
    end: finish,
  };
}

function barOf(part: Part, nowMs: number): string {
  const filled = Math.round((part.done / part.total) * barWidth);
  return `${part.title.padEnd(10)} ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)} ${countsOf(part, nowMs)}`;
}

function textOf(part: Part, nowMs: number): string {
  return `${part.title}: ${countsOf(part, nowMs)}`;
}

function countsOf({ done, total, startedAtMs }: Part, nowMs: number): string {
  const seconds = Math.max(0.001, (nowMs - startedAtMs) / 1000);
  const rate = done / seconds;
  const left =
    done === 0 ? '' : done === total ? `, ${seconds.toFixed(1)} s` : `, ${timeText((total - done) / rate)} left`;
  return `${done} of ${total} (${Math.floor((done / total) * 100)} %), ${rate.toFixed(rate < 10 ? 1 : 0)}/s${left}`;
}

function timeText(seconds: number): string {
  const whole = Math.ceil(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
